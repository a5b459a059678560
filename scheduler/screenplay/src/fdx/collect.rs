//! Streams the XML once and keeps what the script needs of it.

use std::collections::HashSet;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesRef, BytesStart, Event},
};

use super::{
    kind::Kinds,
    paragraph::{Paragraph, Style},
    tag::Tag,
};
use crate::{Unreadable, cursor::Cursor, inline, limits, names};

const EXPORT: &str = "export it again as Final Draft FDX";

/// What a document holds for us.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The script's paragraphs, those inside dual blocks included, in the order of the file.
    pub(super) paragraphs: Vec<Paragraph>,
    /// What its types of paragraph mean; known only behind the script.
    pub(super) kinds: Kinds,
    /// Names from its own lists, each once, in order.
    pub(super) listed: Vec<String>,
}

/// Collects a document.
///
/// # Errors
/// See [`super::parse`].
pub(super) fn document(text: &str) -> Result<Document, Unreadable> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(bare);
    // Both `<a/>` and `<a></a>` come as a start and an end.
    reader.config_mut().expand_empty_elements = true;
    let mut collector = Collector::new(text, text.len() - bare.len());
    loop {
        collector.at = collector.base + position(&reader);
        let event = reader.read_event();
        collector.end = collector.base + position(&reader);
        let event = event.map_err(|error| collector.broken(&error.to_string()))?;
        if collector.take(event)? {
            return Ok(collector.document);
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).expect("a position lies inside a text in memory")
}

struct Collector<'a> {
    cursor: Cursor<'a>,
    /// Bytes in front of what the XML reader sees.
    base: usize,
    /// Where the event at hand starts and ends.
    at: usize,
    end: usize,
    /// The open elements.
    stack: Vec<Tag>,
    /// Indices of the open script paragraphs, outermost first.
    open: Vec<usize>,
    /// Numbers of the open dual blocks.
    blocks: Vec<usize>,
    /// Number of dual blocks so far.
    block_count: usize,
    /// Of the open run.
    style: Style,
    /// Of the open settings: which type they are of.
    settings: String,
    /// The open name of a list.
    name: String,
    listed_keys: HashSet<String>,
    /// Whether the root was seen.
    has_root: bool,
    document: Document,
}

impl<'a> Collector<'a> {
    fn new(text: &'a str, base: usize) -> Self {
        Self {
            cursor: Cursor::new(text),
            base,
            at: base,
            end: base,
            stack: Vec::new(),
            open: Vec::new(),
            blocks: Vec::new(),
            block_count: 0,
            style: Style::default(),
            settings: String::new(),
            name: String::new(),
            listed_keys: HashSet::new(),
            has_root: false,
            document: Document::default(),
        }
    }

    /// Takes one event in; true at the end of the document.
    fn take(&mut self, event: Event<'_>) -> Result<bool, Unreadable> {
        match event {
            Event::Start(start) | Event::Empty(start) => self.start(&start)?,
            Event::End(_) => self.finish(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(text) => self.text(&text.xml10_content()),
            Event::GeneralRef(entity) => self.entity(&entity)?,
            Event::DocType(_) => {
                let advice = format!("{EXPORT}, which has no <!DOCTYPE …>");
                return Err(self.refused("a document type is declared, which is unsafe", &advice));
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof if !self.stack.is_empty() => {
                return Err(self.broken("the file ends inside an element: it was cut off"));
            }
            Event::Eof if !self.has_root => {
                return Err(self.broken("there is no <FinalDraft> element"));
            }
            Event::Eof => return Ok(true),
        }
        Ok(false)
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        if self.stack.len() >= limits::XML_DEPTH {
            let what = format!("elements are nested deeper than {}", limits::XML_DEPTH);
            return Err(self.refused(&what, EXPORT));
        }
        let name = start.local_name().into_inner();
        let tag = match self.stack.last() {
            Some(parent) => parent.child(name),
            None => self.root(name)?,
        };
        self.stack.push(tag);
        match tag {
            Tag::Paragraph => self.start_paragraph(start)?,
            Tag::Dual => {
                self.blocks.push(self.block_count);
                self.block_count += 1;
            }
            Tag::Run => {
                let style = self.attribute(start, "Style")?;
                self.style = style.map_or_else(Style::default, |style| Style::parse(&style));
            }
            Tag::Note if self.is_outermost_note() => {
                self.with_paragraph(|paragraph| paragraph.notes.push(String::new()));
            }
            Tag::Scene => {
                let number = self.attribute(start, "Number")?.filter(|text| !is_blank(text));
                self.with_paragraph(|paragraph| {
                    paragraph.number = paragraph.number.take().or(number);
                });
            }
            Tag::Settings => self.settings = self.attribute(start, "Type")?.unwrap_or_default(),
            Tag::Behavior => {
                let base = self.attribute(start, "PaginateAs")?.unwrap_or_default();
                self.document.kinds.add(&self.settings, &base);
            }
            Tag::Listed => self.name = self.attribute(start, "Name")?.unwrap_or_default(),
            Tag::Member => self.name = self.attribute(start, "Character")?.unwrap_or_default(),
            _ => {}
        }
        Ok(())
    }

    fn root(&mut self, name: &str) -> Result<Tag, Unreadable> {
        match name {
            "FinalDraft" if !self.has_root => {
                self.has_root = true;
                Ok(Tag::FinalDraft)
            }
            "FinalDraft" => Err(self.broken("there is a second <FinalDraft> element")),
            "document" => Err(self.refused(
                "this is Open Screenplay Format (Fade In), not Final Draft",
                "export it from Fade In as Final Draft FDX or Fountain",
            )),
            _ => {
                let name: String = name.chars().take(40).collect();
                Err(self.refused(&format!("this is <{name}> XML, not Final Draft"), EXPORT))
            }
        }
    }

    fn start_paragraph(&mut self, start: &BytesStart<'_>) -> Result<(), Unreadable> {
        if self.document.paragraphs.len() >= limits::FDX_PARAGRAPHS {
            let what = format!("there are more than {} paragraphs", limits::FDX_PARAGRAPHS);
            return Err(self.refused(&what, "split the screenplay into episodes"));
        }
        let mut paragraph = Paragraph::new(self.cursor.span(self.at, self.end));
        paragraph.block = self.blocks.last().copied();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| self.broken(&error.to_string()))?;
            let value = || -> Result<String, Unreadable> {
                let value = attribute.normalized_value(XmlVersion::Explicit1_0);
                value.map(String::from).map_err(|error| self.broken(&error.to_string()))
            };
            match attribute.key.into_inner() {
                "Type" => paragraph.type_name = value()?,
                "Number" => paragraph.number = Some(value()?).filter(|text| !is_blank(text)),
                "DualDialogue" => paragraph.is_dual = is_yes(&value()?),
                "StartsNewPage" => paragraph.has_break = is_yes(&value()?),
                "Alignment" => paragraph.is_centered = value()?.eq_ignore_ascii_case("center"),
                _ => {}
            }
        }
        if is_blank(&paragraph.type_name) {
            "Action".clone_into(&mut paragraph.type_name);
        }
        self.open.push(self.document.paragraphs.len());
        self.document.paragraphs.push(paragraph);
        Ok(())
    }

    fn attribute(&self, start: &BytesStart<'_>, name: &str) -> Result<Option<String>, Unreadable> {
        let broken = |error: quick_xml::Error| self.broken(&error.to_string());
        let found = start.try_get_attribute(name).map_err(|error| broken(error.into()))?;
        let value = found.map(|found| found.normalized_value(XmlVersion::Explicit1_0));
        Ok(value.transpose().map_err(broken)?.map(String::from))
    }

    fn finish(&mut self) {
        match self.stack.pop() {
            Some(Tag::Paragraph) => {
                let end = inline::offset(self.end);
                self.with_paragraph(|paragraph| paragraph.span.end = end);
                self.open.pop();
            }
            Some(Tag::Dual) => {
                self.blocks.pop();
            }
            Some(Tag::Listed | Tag::Member) => self.list(),
            _ => {}
        }
    }

    /// Takes the open name into the list, unless it is there or the list is full.
    fn list(&mut self) {
        let name = names::parse_cue(&self.name).speaker;
        let is_full = self.document.listed.len() >= limits::LISTED_CHARACTERS;
        if !name.is_empty() && !is_full && self.listed_keys.insert(names::speaker_key(&name)) {
            self.document.listed.push(name);
        }
        self.name.clear();
    }

    fn entity(&mut self, entity: &BytesRef<'_>) -> Result<(), Unreadable> {
        let character = match entity.resolve_char_ref() {
            Ok(character) => character,
            Err(error) => return Err(self.broken(&error.to_string())),
        };
        match (character, quick_xml::escape::resolve_xml_entity(entity)) {
            (Some(character), _) => self.text(character.encode_utf8(&mut [0; 4])),
            (None, Some(text)) => self.text(text),
            (None, None) => {
                let name: String = entity.chars().take(40).collect();
                let what = format!("`&{name};` is none of XML's own five entities");
                return Err(self.refused(&what, EXPORT));
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let style = self.style;
        match self.stack.last() {
            Some(Tag::Run) => self.with_paragraph(|paragraph| paragraph.push(text, style)),
            Some(Tag::NoteRun) => self.with_paragraph(|paragraph| {
                if let Some(note) = paragraph.notes.last_mut() {
                    note.push_str(text);
                }
            }),
            Some(Tag::SummaryRun) => {
                self.with_paragraph(|paragraph| paragraph.summary.push_str(text));
            }
            Some(Tag::Listed) => self.name.push_str(text),
            _ => {}
        }
    }

    fn is_outermost_note(&self) -> bool {
        self.stack.iter().filter(|tag| **tag == Tag::Note).count() == 1
    }

    /// Does something to the innermost open script paragraph.
    fn with_paragraph(&mut self, change: impl FnOnce(&mut Paragraph)) {
        if let Some(paragraph) =
            self.open.last().and_then(|index| self.document.paragraphs.get_mut(*index))
        {
            change(paragraph);
        }
    }

    /// What is no well-formed XML.
    fn broken(&self, what: &str) -> Unreadable {
        self.refused(&format!("this is not well-formed XML: {what}"), EXPORT)
    }

    /// What is not read, at the event at hand.
    fn refused(&self, what: &str, advice: &str) -> Unreadable {
        let (line, column) = self.cursor.clone().place(self.at);
        Unreadable::new(format!("line {line}, column {column}: {what}"), advice)
            .placed(line, column)
    }
}

fn is_blank(text: &str) -> bool {
    inline::trim(text).is_empty()
}

fn is_yes(text: &str) -> bool {
    text.eq_ignore_ascii_case("yes") || text.eq_ignore_ascii_case("true")
}
