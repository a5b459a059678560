//! Renders leased lines: voices made ready, engine driven, audio delivered.
