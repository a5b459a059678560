//! How much a file may ask of the reader, in one place, each bound with its reason.
//!
//! A feature film is 0.3 MB of text, 5 000 paragraphs and 20 XML levels. Every bound leaves a
//! hundred times that and still keeps the worst file to seconds and to a few GB of memory.

/// Bytes of a screenplay's text, and of any input file: places are 32-bit byte offsets, and a
/// text, its script and its decoded copy must fit into memory together.
pub(crate) const TEXT_BYTES: usize = 256 * 1024 * 1024;

/// Entries of an archive: a bundle holds a text, a few descriptions and its pictures.
pub(crate) const ARCHIVE_ENTRIES: usize = 10_000;

/// Times a member may grow when unpacked. Prose packs 3 to 1 and a text that repeats one page
/// about 100 to 1; deflate's own bound, which bombs approach, is 1 032 to 1.
pub(crate) const ARCHIVE_RATIO: u64 = 250;

/// Bytes a member may always have, however well it is packed: one cannot hurt with that little.
pub(crate) const ARCHIVE_FREE_BYTES: u64 = 1024 * 1024;

/// Bytes of `info.json` and of a character list beside the text: only names are taken from them.
pub(crate) const DESCRIPTION_BYTES: usize = 4 * 1024 * 1024;

/// XML elements inside one another. Final Draft needs about 10.
pub(crate) const XML_DEPTH: usize = 64;

/// Paragraphs of an FDX file, empty ones included: each costs memory before it is known to be
/// worth any.
pub(crate) const FDX_PARAGRAPHS: usize = 1_000_000;

/// Names taken from a file's own lists: they seed a cast that a person goes through.
pub(crate) const LISTED_CHARACTERS: usize = 10_000;
