//! Plans screenplays into lines, keeps their queue, and says what became of them.
