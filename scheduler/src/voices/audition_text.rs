//! What candidates say: the same words for all, so that only the voice differs.

use std::collections::BTreeSet;

use screenplay::speaker_key;

use crate::plan::Line;

/// How long an audition should be, in milliseconds: long enough to know a voice by and to clone it, short
/// enough to hear five of them.
const WANTED_MS: std::ops::RangeInclusive<u32> = 8_000..=15_000;

/// A statement, a question, something loud and something quiet, by the first part of a BCP 47 tag.
const TEXTS: [(&str, &str); 10] = [
    (
        "en",
        "I never said that it would be easy. Did you lock the door behind you? Then listen: there are \
         seven boats in the harbour, and none of them is ours. No! Leave the light where it is. It is \
         all right. We have time.",
    ),
    (
        "de",
        "Ich habe nie gesagt, dass es leicht wird. Hast du die Tür hinter dir abgeschlossen? Dann hör \
         zu: Im Hafen liegen sieben Boote, und keines davon gehört uns. Nein! Lass das Licht, wo es \
         ist. Schon gut. Wir haben Zeit.",
    ),
    (
        "fr",
        "Je n'ai jamais dit que ce serait facile. As-tu fermé la porte derrière toi ? Alors écoute : il \
         y a sept bateaux dans le port, et aucun n'est à nous. Non ! Laisse la lumière où elle est. Ce \
         n'est rien. Nous avons le temps.",
    ),
    (
        "es",
        "Nunca dije que fuera fácil. ¿Has cerrado la puerta al entrar? Entonces escucha: hay siete \
         barcos en el puerto y ninguno es nuestro. ¡No! Deja la luz donde está. No pasa nada. Tenemos \
         tiempo.",
    ),
    (
        "it",
        "Non ho mai detto che sarebbe stato facile. Hai chiuso la porta dietro di te? Allora ascolta: ci \
         sono sette barche nel porto, e nessuna è nostra. No! Lascia la luce dov'è. Va tutto bene. \
         Abbiamo tempo.",
    ),
    (
        "pt",
        "Eu nunca disse que seria fácil. Trancaste a porta atrás de ti? Então ouve: há sete barcos no \
         porto e nenhum é nosso. Não! Deixa a luz onde está. Está tudo bem. Temos tempo.",
    ),
    (
        "ru",
        "Я никогда не говорил, что будет легко. Ты запер за собой дверь? Тогда слушай: в гавани семь \
         лодок, и ни одна из них не наша. Нет! Оставь свет там, где он есть. Всё хорошо. У нас есть \
         время.",
    ),
    (
        "ja",
        "簡単だなんて一度も言っていない。後ろの扉は閉めた？ じゃあ聞いて。港には船が七艘あるけれど、\
         どれも私たちのものじゃない。だめ！明かりはそのままにして。大丈夫。時間はある。",
    ),
    (
        "ko",
        "쉬울 거라고 말한 적은 없어. 들어오면서 문은 잠갔어? 그럼 들어 봐. 항구에 배가 일곱 척 있는데, 우리 것은 \
         하나도 없어. 안 돼! 불은 그대로 둬. 괜찮아. 시간은 있어.",
    ),
    (
        "zh",
        "我从来没说过这会很容易。你进来的时候锁门了吗？那就听好：港口里有七条船，没有一条是我们的。不！\
         把灯留在原处。没关系。我们有时间。",
    ),
];

/// What is said where no script is given: some twelve seconds in a language. One that is not known here
/// is given English.
#[must_use]
pub fn audition_text(language: &str) -> &'static str {
    let base = language.split('-').next().unwrap_or_default().to_lowercase();
    let found = TEXTS.iter().find(|(tag, _)| *tag == base);
    found.map_or(TEXTS[0].1, |(_, text)| *text)
}

/// What a character says in a script that shows most of the voice: of all runs of its lines that take 8 to
/// 15 seconds, the one with the most different words; where it says less than that, all it says. `None` when
/// it says nothing.
#[must_use]
pub fn of_lines(lines: &[Line], character: &str, language: &str) -> Option<String> {
    let key = speaker_key(character);
    let said: Vec<&str> = lines
        .iter()
        .filter(|line| line.speaker_key == key)
        .map(|line| line.text.as_str())
        .collect();
    let best = (0..said.len())
        .filter_map(|start| run_from(&said[start..], language))
        // The first of equals: a script's beginning is what a reader knows.
        .fold(None, |best: Option<String>, next| match best {
            Some(best) if words(&best) >= words(&next) => Some(best),
            Some(_) | None => Some(next),
        });
    best.or_else(|| shortest(&said, language))
}

/// Lines from the first on until there are enough; `None` when there are too few, or the last is too long.
fn run_from(said: &[&str], language: &str) -> Option<String> {
    let mut text = String::new();
    for line in said {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(line);
        let ms = engine::estimate_ms(&text, language, 1.0);
        if WANTED_MS.contains(&ms) {
            return Some(text);
        }
        if ms > *WANTED_MS.end() {
            return None;
        }
    }
    None
}

/// Where no run fits: all that is said, up to the sentence with which it is enough.
fn shortest(said: &[&str], language: &str) -> Option<String> {
    if said.is_empty() {
        return None;
    }
    let all = said.join(" ");
    let ends = all.char_indices().filter(|(_, c)| matches!(c, '.' | '!' | '?' | '…' | '。' | '！'));
    let enough = ends
        .map(|(at, c)| &all[..at + c.len_utf8()])
        .find(|text| engine::estimate_ms(text, language, 1.0) >= *WANTED_MS.start());
    let text = enough.unwrap_or(&all);
    // One sentence without end: as much as a long audition has.
    let most = text.char_indices().map(|(at, _)| at).nth(LONGEST).unwrap_or(text.len());
    Some(text[..most].trim().to_owned())
}

/// Characters that any audition has at most.
const LONGEST: usize = 600;

fn words(text: &str) -> usize {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::spoken_lines;

    fn said(speeches: &[(&str, &str)]) -> Vec<Line> {
        let speeches: Vec<_> =
            speeches.iter().map(|(who, what)| format!("{who}\n{what}\n\n")).collect();
        let script = format!("INT. ROOM - DAY\n\n{}", speeches.concat());
        spoken_lines(&screenplay::read("audition.fountain", script.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn every_usual_text_is_as_long_as_an_audition_should_be() {
        for (tag, text) in TEXTS {
            let ms = engine::estimate_ms(text, tag, 1.0);
            assert!((7_000..=18_000).contains(&ms), "{tag}: {ms}");
        }
        assert_eq!(audition_text("de-AT"), audition_text("de"));
        assert_eq!(audition_text("tlh"), audition_text("en"));
    }

    #[test]
    fn a_character_auditions_with_its_own_most_varied_lines() {
        let dull = "No no no no no no no no no no no no no no no no no no no no no no no no no no no no \
                    no no no no no no no no no no.";
        let varied = "The harbour master counted seven boats, cursed the weather, and asked whether anybody \
                      had seen my brother since the lamps went out along the northern wall.";
        let lines = said(&[("MIRA", dull), ("TAM", varied), ("MIRA", varied), ("MIRA", "Yes.")]);
        assert_eq!(of_lines(&lines, "Mira", "en").unwrap(), varied);
        assert_eq!(of_lines(&lines, "OTTO", "en"), None);
    }

    #[test]
    fn who_says_little_says_all_of_it_and_who_never_stops_is_cut_at_a_sentence() {
        let lines = said(&[("MIRA", "Who's there?"), ("MIRA", "Nay.")]);
        assert_eq!(of_lines(&lines, "MIRA", "en").unwrap(), "Who's there? Nay.");
        let speech = "All of it goes on and on, from the first lamp to the last. ".repeat(40);
        let lines = said(&[("MIRA", speech.trim())]);
        let text = of_lines(&lines, "MIRA", "en").unwrap();
        assert!(text.ends_with("last.") && text.len() < 400, "{text}");
        let endless = "word ".repeat(2_000);
        let lines = said(&[("MIRA", endless.trim())]);
        assert!(of_lines(&lines, "MIRA", "en").unwrap().chars().count() <= LONGEST);
    }
}
