//! What a Final Draft file leaves open.

use crate::doubts::Kind;

/// Struck or hidden text.
pub(super) const UNREAD_TEXT: Kind = Kind::warning(
    "unread_text",
    "text that is struck out or hidden is not read",
    "delete it, or accept it into the script",
);

/// A type that neither Final Draft nor the file explains.
pub(super) const UNKNOWN_TYPE: Kind = Kind::error(
    "unknown_type",
    "a paragraph of an unknown type is read as action, so nobody speaks it",
    "give it one of Final Draft's own types",
);

/// Dialogue, a direction or a song without anybody to speak it.
pub(super) const NO_SPEAKER: Kind = Kind::error(
    "no_speaker",
    "dialogue without a character above it is read as action, so nobody speaks it",
    "put the character's name above it, or make it action",
);

/// A character who says nothing.
pub(super) const NO_WORDS: Kind = Kind::warning(
    "speech_without_words",
    "a character is named but says nothing",
    "add the words, or make the name action",
);

/// A name of several people.
pub(super) const GROUP: Kind = Kind::error(
    "group_cue",
    "several people speak at once, and no voice is theirs",
    "give each their own line, or name the group and cast it",
);

/// A name with a bracket that never closes, or words behind one.
pub(super) const RAGGED: Kind = Kind::warning(
    "ragged_cue",
    "a character's name holds a bracket that does not end it",
    "put all that is not the name into brackets behind it",
);

/// A character paragraph that holds no name.
pub(super) const NO_NAME: Kind = Kind::error(
    "no_speaker",
    "a character paragraph holds no name, so nobody speaks what follows",
    "write the character's name",
);

/// A dual speech without its other half.
pub(super) const UNPAIRED: Kind = Kind::warning(
    "dual_without_pair",
    "a speech is marked as spoken at once with another, but there is none beside it",
    "put the two speeches side by side, or take the mark away",
);

/// A direction that never closes.
pub(super) const OPEN_BRACKET: Kind = Kind::warning(
    "unclosed_parenthetical",
    "a bracket at the start of a line never closes, so it is spoken",
    "close it, or make it a parenthetical",
);

/// Fountain's notes, typed into Final Draft.
pub(super) const MARKUP: Kind = Kind::warning(
    "fountain_markup",
    "`[[` has no meaning in Final Draft, so it is spoken",
    "make it a script note",
);
