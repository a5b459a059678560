//! Finds the halves of speeches spoken at once.

use crate::script::{Dual, Element, ElementKind};

/// What the file says of one speech's being spoken at once with another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Index of the speech among the elements.
    pub(super) element: usize,
    /// The `DualDialogue` block it stands in.
    pub(super) block: Option<usize>,
    /// Whether it says so itself, by attribute or `^`.
    pub(super) is_marked: bool,
}

/// Sets the halves, and gives the elements that were marked but have no other half.
///
/// Inside a block speeches pair two by two. Outside, of two marked neighbours the first is left
/// and the second right; a single marked one pairs with the speech right before it.
pub(super) fn pair(elements: &mut [Element], marks: &[Mark]) -> Vec<usize> {
    let mut unpaired = Vec::new();
    let mut at = 0;
    while let Some(mark) = marks.get(at) {
        let next = marks.get(at + 1).filter(|next| belongs(mark, next));
        if let Some(next) = next {
            set(elements, mark.element, Dual::Left);
            set(elements, next.element, Dual::Right);
            at += 2;
        } else {
            if mark.block.is_some() || mark.is_marked {
                unpaired.push(mark.element);
            }
            at += 1;
        }
    }
    unpaired
}

/// Whether two speeches, one after the other, are halves of one moment.
fn belongs(first: &Mark, second: &Mark) -> bool {
    match (first.block, second.block) {
        (Some(first), Some(second)) => first == second,
        (None, None) => second.is_marked && second.element == first.element + 1,
        _ => false,
    }
}

fn set(elements: &mut [Element], index: usize, dual: Dual) {
    if let Some(ElementKind::Speech(speech)) =
        elements.get_mut(index).map(|element| &mut element.kind)
    {
        speech.dual = Some(dual);
    }
}
