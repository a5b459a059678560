//! Where in the document an XML element stands, as far as the words of the script need it.

/// An XML element by its place. The same name elsewhere is [`Tag::Other`], and so is all in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// The root.
    FinalDraft,
    /// The script itself; title page, headers and boards have a `Content` of their own elsewhere.
    Content,
    /// A paragraph of the script.
    Paragraph,
    /// Speeches spoken at once, inside a paragraph.
    Dual,
    /// A run of a script paragraph's text.
    Run,
    /// A writer's remark inside a paragraph.
    Note,
    /// What describes the scene, inside its heading.
    Scene,
    /// What the scene is about, inside [`Tag::Scene`].
    Summary,
    /// A run of text of a note.
    NoteRun,
    /// A run of text of a summary.
    SummaryRun,
    /// What a type of paragraph looks and behaves like.
    Settings,
    /// Which of Final Draft's own types a type behaves like.
    Behavior,
    /// What holds lists of names.
    SmartType,
    /// A list of characters.
    Characters,
    /// One of the listed characters.
    Listed,
    /// Who reads which character.
    Cast,
    /// One of the cast.
    Member,
    /// Anything else.
    Other,
}

impl Tag {
    /// Says what an element called `name` is inside `self`.
    pub(super) fn child(self, name: &str) -> Self {
        match (self, name) {
            (Self::FinalDraft, "Content") => Self::Content,
            (Self::Content | Self::Dual, "Paragraph") => Self::Paragraph,
            (Self::Paragraph, "DualDialogue") => Self::Dual,
            (Self::Paragraph, "Text") => Self::Run,
            (Self::Paragraph, "ScriptNote") => Self::Note,
            (Self::Note, "Paragraph") => Self::Note,
            (Self::Note, "Text") => Self::NoteRun,
            (Self::Paragraph, "SceneProperties") => Self::Scene,
            (Self::Scene, "Summary") => Self::Summary,
            (Self::Summary, "Paragraph") => Self::Summary,
            (Self::Summary, "Text") => Self::SummaryRun,
            (Self::FinalDraft, "ElementSettings") => Self::Settings,
            (Self::Settings, "Behavior") => Self::Behavior,
            (Self::FinalDraft, "SmartType") => Self::SmartType,
            (Self::FinalDraft | Self::SmartType, "Characters") => Self::Characters,
            (Self::Characters, "Character") => Self::Listed,
            (Self::FinalDraft, "Cast") => Self::Cast,
            (Self::Cast, "Member") => Self::Member,
            _ => Self::Other,
        }
    }
}
