//! Which scene of the last import a scene is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One import's lines as far as scenes are concerned.
pub(super) struct SceneView<'a> {
    /// Number and heading of each line's scene, in script order.
    pub(super) scenes: Vec<(u32, &'a str)>,
    /// What each line says and who says it, as a number; the same in both imports.
    pub(super) tokens: &'a [u32],
}

/// Pairs scenes of two imports, as new scene number to old; each is in at most one pair.
///
/// Lines that are unique in both vote; the pairs with most votes are taken first. Scenes without
/// votes go by their heading, in order.
pub(super) fn pair_scenes(old: &SceneView<'_>, new: &SceneView<'_>) -> BTreeMap<u32, u32> {
    let mut votes: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    let unique_old = unique(old);
    for (token, scene) in unique(new) {
        if let Some(&old_scene) = unique_old.get(&token) {
            *votes.entry((scene, old_scene)).or_default() += 1;
        }
    }
    let mut ranked: Vec<_> = votes.into_iter().collect();
    ranked.sort_by_key(|&(pair, votes)| (Reverse(votes), pair));
    let mut paired = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for ((scene, old_scene), _) in ranked {
        if !paired.contains_key(&scene) && taken.insert(old_scene) {
            paired.insert(scene, old_scene);
        }
    }
    let mut by_heading: BTreeMap<&str, VecDeque<u32>> = BTreeMap::new();
    for (scene, heading) in distinct(old).filter(|(scene, _)| !taken.contains(scene)) {
        by_heading.entry(heading).or_default().push_back(scene);
    }
    for (scene, heading) in distinct(new) {
        if paired.contains_key(&scene) {
            continue;
        }
        if let Some(old_scene) = by_heading.get_mut(heading).and_then(VecDeque::pop_front) {
            paired.insert(scene, old_scene);
        }
    }
    paired
}

/// Tokens that occur once, and the scene they occur in.
fn unique(view: &SceneView<'_>) -> BTreeMap<u32, u32> {
    let mut scenes: BTreeMap<u32, Option<u32>> = BTreeMap::new();
    for (&token, &(scene, _)) in view.tokens.iter().zip(&view.scenes) {
        scenes.entry(token).and_modify(|only| *only = None).or_insert(Some(scene));
    }
    scenes.into_iter().filter_map(|(token, scene)| Some((token, scene?))).collect()
}

fn distinct<'a>(view: &'a SceneView<'_>) -> impl Iterator<Item = (u32, &'a str)> {
    let changes = |two: &usize| *two == 0 || view.scenes[*two].0 != view.scenes[two - 1].0;
    (0..view.scenes.len()).filter(changes).map(|index| view.scenes[index])
}
