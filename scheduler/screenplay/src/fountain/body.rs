//! The body: line by line, in the order in which the rules apply.

use super::clean::Clean;
use super::kinds::{HEADING_WITHOUT_BLANK, TRANSITION_WITHOUT_BLANK};
use super::lines::{Content, Line, lines};
use super::places::Places;
use super::shapes::{
    Forced, ends_speech, forced, is_cue_shaped, is_heading_shaped, is_surely_heading,
    is_transition_shaped, split_heading,
};
use super::speech::Interrupted;
use super::suspects::Suspect;
use crate::doubts::Doubts;
use crate::inline::{is_space, offset, plain, plain_indented, trim};
use crate::script::{Element, ElementKind, Span, TitleField};

/// Reads a cleaned text from its first line to its last.
pub(super) struct Reader<'r, 't> {
    pub(super) clean: &'r Clean<'t>,
    places: &'r Places<'t>,
    pub(super) doubts: &'r mut Doubts,
    pub(super) lines: Vec<Line>,
    /// The line that is read next.
    pub(super) next: usize,
    /// Whether the next line may start something: a blank line, or an element that needs none
    /// around it, stands before it.
    pub(super) is_boundary: bool,
    /// Without notes, in order.
    pub(super) elements: Vec<Element>,
    /// Notes outside speeches, in order.
    pub(super) loose_notes: Vec<Element>,
    /// How many notes were given to a speech or found to be loose.
    pub(super) seen_notes: usize,
    /// The action that the next line of action may belong to.
    action: Option<Action>,
    /// The speech that ended with `(MORE)` and nothing has followed yet.
    pub(super) interrupted: Option<Interrupted>,
    /// What could be a mistake, depending on who turns out to speak.
    pub(super) suspects: Vec<Suspect>,
}

/// Action as it grows.
struct Action {
    text: String,
    start: usize,
    end: usize,
    /// Blank lines behind it so far.
    blank_lines: usize,
    /// Whether a note stands behind it on a line of its own.
    is_noted: bool,
}

impl<'r, 't> Reader<'r, 't> {
    pub(super) fn new(
        clean: &'r Clean<'t>,
        places: &'r Places<'t>,
        doubts: &'r mut Doubts,
    ) -> Self {
        Self {
            clean,
            places,
            doubts,
            lines: lines(&clean.removed, &clean.notes),
            next: 0,
            is_boundary: true,
            elements: Vec::new(),
            loose_notes: Vec::new(),
            seen_notes: 0,
            action: None,
            interrupted: None,
            suspects: Vec::new(),
        }
    }

    /// Reads everything: the title page, and the elements in the order of the text.
    pub(super) fn read(mut self) -> (Vec<TitleField>, Vec<Element>) {
        let title_page = self.title_page();
        while let Some(line) = self.lines.get(self.next) {
            match line.content {
                Content::Text => self.element(),
                Content::Blank | Content::Spaced => self.blank_line(),
                Content::Hollow => self.hollow_line(line.had_note),
            }
        }
        self.close_action();
        self.loosen_notes(u32::MAX);
        self.judge_suspects();
        self.elements.append(&mut self.loose_notes);
        self.elements.sort_by_key(|element| element.span.start);
        (title_page, self.elements)
    }

    fn blank_line(&mut self) {
        if let Some(action) = &mut self.action {
            action.blank_lines += 1;
        }
        self.is_boundary = true;
        self.next += 1;
    }

    fn hollow_line(&mut self, had_note: bool) {
        if let Some(action) = &mut self.action {
            action.is_noted |= had_note;
        }
        self.is_boundary = true;
        self.next += 1;
    }

    fn element(&mut self) {
        let line = self.trimmed(self.next);
        match forced(line) {
            Some(forced) => self.forced(forced),
            None if self.is_boundary && self.starts_heading(line) => self.heading(line),
            None if self.is_boundary && is_transition_shaped(line) => self.transition(line),
            None if self.is_boundary && self.starts_speech(line) => self.speech(),
            None => {
                self.suspect_action();
                let text = plain_indented(self.text(self.next));
                self.act(&text);
            }
        }
    }

    fn forced(&mut self, forced: Forced<'_>) {
        let kind = match forced {
            Forced::Action => {
                let text = self.text(self.next);
                let verbatim = text.split_once('!').map_or("", |(_, verbatim)| verbatim);
                return self.act(&plain_indented(verbatim));
            }
            Forced::PageBreak => ElementKind::PageBreak,
            Forced::Section { level, text } => ElementKind::Section { level, text: plain(text) },
            Forced::Synopsis(text) => ElementKind::Synopsis { text: plain(text) },
            Forced::SceneHeading(text) => scene_heading(text),
            Forced::Lyric(text) => ElementKind::Lyric { text: plain(text) },
            Forced::Centered(text) => ElementKind::Centered { text: plain(text) },
            Forced::Transition(text) => ElementKind::Transition { text: plain(text) },
        };
        let is_boundary = !matches!(kind, ElementKind::Lyric { .. });
        self.push_line(kind);
        self.is_boundary = is_boundary;
    }

    /// Whether a heading-shaped line is a heading here.
    ///
    /// One in capitals with text right behind it would be somebody's name otherwise, and a speech
    /// right behind it would be lost.
    fn starts_heading(&self, line: &str) -> bool {
        let is_followed = || self.text_behind(self.next).is_some();
        is_heading_shaped(line)
            && (!is_followed()
                || is_cue_shaped(line) && is_surely_heading(line)
                || self.is_followed_by_speech(self.next))
    }

    fn heading(&mut self, line: &str) {
        if self.text_behind(self.next).is_some() {
            self.doubts.add(&HEADING_WITHOUT_BLANK, self.line_span(self.next), line);
        }
        self.push_line(scene_heading(line));
    }

    fn transition(&mut self, line: &str) {
        if self.text_behind(self.next).is_some() {
            self.doubts.add(&TRANSITION_WITHOUT_BLANK, self.line_span(self.next), line);
        }
        self.push_line(ElementKind::Transition { text: plain(line) });
    }

    /// Whether a cue stands here: a name with something to say right behind it.
    fn starts_speech(&self, line: &str) -> bool {
        let is_name = match line.strip_prefix('@') {
            Some(name) => trim(name).starts_with(|char| char != '('),
            None => is_cue_shaped(line) && !is_stage_direction(line),
        };
        is_name && self.text_behind(self.next).is_some_and(|behind| !ends_speech(behind))
    }

    /// Whether the text right behind a line is a cue with something to say.
    fn is_followed_by_speech(&self, line: usize) -> bool {
        let behind = self.line_behind(line);
        let Some(cue) = behind.filter(|&behind| self.lines[behind].content == Content::Text) else {
            return false;
        };
        let text = self.trimmed(cue);
        (text.starts_with('@') || is_cue_shaped(text)) && self.text_behind(cue).is_some()
    }

    /// The next line that is not hollow.
    fn line_behind(&self, line: usize) -> Option<usize> {
        (line + 1..self.lines.len()).find(|&next| self.lines[next].content != Content::Hollow)
    }

    /// The text right behind a line, unless a blank line or the end comes first.
    pub(super) fn text_behind(&self, line: usize) -> Option<&'r str> {
        let behind = self.line_behind(line)?;
        (self.lines[behind].content == Content::Text).then(|| self.trimmed(behind))
    }

    /// Reads the next line as action.
    fn act(&mut self, text: &str) {
        let start = self.trimmed_start(self.next);
        let end = start + self.trimmed(self.next).len();
        if self.action.as_ref().is_some_and(|action| action.is_noted && action.blank_lines > 0) {
            self.close_action();
        }
        if let Some(action) = &mut self.action {
            action.text.extend(std::iter::repeat_n('\n', action.blank_lines + 1));
            action.text += text;
            (action.end, action.blank_lines, action.is_noted) = (end, 0, false);
        } else {
            let text = text.to_owned();
            self.action = Some(Action { text, start, end, blank_lines: 0, is_noted: false });
        }
        self.interrupted = None;
        self.is_boundary = false;
        self.next += 1;
    }

    pub(super) fn close_action(&mut self) {
        if let Some(Action { text, start, end, .. }) = self.action.take() {
            let span = self.span(start, end);
            self.elements.push(Element { span, kind: ElementKind::Action { text } });
        }
    }

    /// Reads the next line as an element of its own, which needs no blank line behind it.
    fn push_line(&mut self, kind: ElementKind) {
        self.close_action();
        if !matches!(kind, ElementKind::PageBreak) {
            self.interrupted = None;
        }
        self.elements.push(Element { span: self.line_span(self.next), kind });
        self.is_boundary = true;
        self.next += 1;
    }

    /// Makes every note before `at` that no speech has taken an element.
    pub(super) fn loosen_notes(&mut self, at: u32) {
        let notes = &self.clean.notes[self.seen_notes..];
        let count = notes.partition_point(|note| note.at < at);
        self.loose_notes.extend(notes[..count].iter().map(|note| Element {
            span: note.span,
            kind: ElementKind::Note { text: note.text.clone() },
        }));
        self.seen_notes += count;
    }

    /// A line as it stands in the cleaned text.
    pub(super) fn text(&self, line: usize) -> &'r str {
        let Line { start, end, .. } = self.lines[line];
        &self.clean.removed.text[start as usize..end as usize]
    }

    /// A line without space at its ends.
    pub(super) fn trimmed(&self, line: usize) -> &'r str {
        trim(self.text(line))
    }

    /// Byte offset of a line's first visible character in the cleaned text.
    pub(super) fn trimmed_start(&self, line: usize) -> usize {
        let text = self.text(line);
        self.lines[line].start as usize + text.len() - text.trim_start_matches(is_space).len()
    }

    /// Where a stretch of the cleaned text stands in the source.
    pub(super) fn span(&self, start: usize, end: usize) -> Span {
        self.clean.removed.span(self.places, start, end)
    }

    /// Where a line stands in the source, without space at its ends.
    pub(super) fn line_span(&self, line: usize) -> Span {
        let start = self.trimmed_start(line);
        self.span(start, start + self.trimmed(line).len())
    }

    /// Where the key that a line starts with stands in the source.
    pub(super) fn key_span(&self, line: usize, key: &str) -> Span {
        let start = self.lines[line].start;
        self.span(start as usize, (start + offset(key.len())) as usize)
    }
}

fn scene_heading(line: &str) -> ElementKind {
    let (text, number) = split_heading(line);
    ElementKind::SceneHeading { text, number }
}

/// Whether a cue-shaped line with a colon is a stage direction such as `FADE IN:`.
fn is_stage_direction(line: &str) -> bool {
    line.ends_with(':') && super::shapes::has_stage_word(line)
}
