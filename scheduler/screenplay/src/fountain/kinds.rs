//! Every kind of doubt the Fountain reader has, so that they can be read side by side.

use crate::doubts::Kind;

pub(super) const UNCLOSED_BONEYARD: Kind = Kind::error(
    "unclosed_boneyard",
    "`/*` is never closed and was read as text",
    "close it with `*/`, or write the text without `/*`",
);
pub(super) const UNCLOSED_NOTE: Kind = Kind::warning(
    "unclosed_note",
    "`[[` is not closed before the next blank line and was read as text",
    "close the note with `]]`, and put two spaces on blank lines inside it",
);
pub(super) const UNLIKELY_TITLE_PAGE: Kind = Kind::error(
    "unlikely_title_page",
    "these first lines were read as a title page, but no key is one that title pages have",
    "start the file with an empty line if they belong to the script, else with `Title:`",
);
pub(super) const TITLE_PAGE_WITHOUT_BLANK: Kind = Kind::warning(
    "title_page_without_blank",
    "the title page is not followed by a blank line and was ended here",
    "put a blank line behind the title page, or indent this line by three spaces",
);
pub(super) const HEADING_WITHOUT_BLANK: Kind = Kind::warning(
    "heading_without_blank",
    "scene heading without a blank line behind it",
    "put a blank line behind the scene heading",
);
pub(super) const TRANSITION_WITHOUT_BLANK: Kind = Kind::warning(
    "transition_without_blank",
    "transition without a blank line behind it",
    "put a blank line behind the transition, or write `@` in front of a name",
);
pub(super) const HEADING_AS_ACTION: Kind = Kind::warning(
    "heading_as_action",
    "looks like a scene heading but was read as action",
    "put a blank line before and behind a scene heading, or write `!` in front of action",
);
pub(super) const HEADING_IN_SPEECH: Kind = Kind::error(
    "heading_in_speech",
    "scene heading inside a speech",
    "put a blank line before the scene heading",
);
pub(super) const CUE_AS_ACTION: Kind = Kind::warning(
    "cue_as_action",
    "looks like a character's name but was read as action",
    "put a blank line before the name and none behind it, write `@` in front of a name that is \
     not in capitals, or `!` in front of action",
);
pub(super) const CUE_AT_END: Kind = Kind::warning(
    "cue_at_end",
    "looks like a character's name with nothing to say at the end of the script",
    "write what is said, or `!` in front of action",
);
pub(super) const CUE_IN_SPEECH: Kind = Kind::warning(
    "cue_in_speech",
    "a character's name inside a speech was read as words",
    "put a blank line before the name if that character speaks",
);
pub(super) const COLON_SPEECH: Kind = Kind::warning(
    "colon_speech",
    "looks like a name, a colon and what is said, but was read as it stands",
    "put the name in capitals on a line of its own, or write `!` in front of action",
);
pub(super) const CUE_WITH_COLON: Kind = Kind::warning(
    "cue_with_colon",
    "the colon behind a character's name was dropped",
    "write the name without a colon",
);
pub(super) const UNLIKELY_CUE: Kind = Kind::warning(
    "unlikely_cue",
    "read as the name of who speaks, but does not look like a name",
    "put a blank line behind it, or write `!` in front, if it is action",
);
pub(super) const RAGGED_CUE: Kind = Kind::warning(
    "ragged_cue",
    "the brackets behind a character's name do not close, or words follow them",
    "close every bracket, and put nothing but `^` behind the last one",
);
pub(super) const GROUP_CUE: Kind = Kind::error(
    "group_cue",
    "several characters speak at once",
    "write a speech for each of them, or cast this name as a voice of its own",
);
pub(super) const LONE_DUAL: Kind = Kind::warning(
    "lone_dual",
    "`^` without a speech right before it to be spoken together with",
    "put the two speeches next to each other, or remove the `^`",
);
pub(super) const SPEECH_WITHOUT_WORDS: Kind = Kind::warning(
    "speech_without_words",
    "a speech without words",
    "write what is said, or make it action",
);
pub(super) const UNCLOSED_PARENTHESIS: Kind = Kind::warning(
    "unclosed_parenthesis",
    "`(` is not closed before the speech ends and was read as words",
    "close it with `)`",
);
pub(super) const LONG_PARENTHETICAL: Kind = Kind::warning(
    "long_parenthetical",
    "very long parenthetical, none of which is spoken",
    "close it with `)` where the direction ends",
);
pub(super) const SPOKEN_DIRECTION: Kind = Kind::warning(
    "spoken_direction",
    "looks like a direction but stands inside the words and will be spoken",
    "put it on a line of its own or at the start of the line",
);
