//! A page as messages that fit a phone.

use crate::{
    alert::telegram::{
        markup::{self, TEXT_MAX, aside},
        send::Piece,
        words::caption,
    },
    report::page::{Body, Page, Picture},
};

/// Text messages of one answer; what is longer is cut, and says so.
const TEXTS_MAX: usize = 8;
/// Pictures of one answer.
const PICTURES_MAX: usize = 8;

/// Makes a PNG of a chart.
pub type Draw = fn(&Picture) -> Result<Vec<u8>, String>;

/// The messages of a page: its text, cut where it must be, then its pictures. Drawing takes its
/// time: not on a thread that others wait for.
pub fn pieces(page: &Page, draw: Draw) -> Vec<Piece> {
    let mut texts = markup::split(&page.phone(), TEXT_MAX);
    if texts.len() > TEXTS_MAX {
        texts.truncate(TEXTS_MAX - 1);
        texts.push(aside("The rest is left out: it is too long for a phone."));
    }
    let mut pieces: Vec<Piece> = texts.into_iter().map(|text| Piece::Text(text, None)).collect();
    let charts = page.sections.iter().filter_map(|section| match &section.body {
        Body::Chart(picture) => Some(picture),
        _ => None,
    });
    for picture in charts.take(PICTURES_MAX) {
        match draw(picture) {
            Ok(png) => pieces.push(Piece::Photo {
                name: picture.name.clone(),
                png,
                caption: caption(&picture.title),
            }),
            Err(why) => tracing::warn!(chart = picture.name, "not drawn: {why}"),
        }
    }
    pieces
}

/// Whether a page has pictures.
pub fn has_pictures(page: &Page) -> bool {
    page.sections.iter().any(|section| matches!(section.body, Body::Chart(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::page::Section;

    #[test]
    fn pictures_follow_the_text_and_one_that_cannot_be_drawn_costs_only_itself() {
        let chart = |name: &str| Section {
            title: "Equity".to_owned(),
            body: Body::Chart(Picture {
                name: name.to_owned(),
                title: "Equity £1 & more".to_owned(),
                svg: String::new(),
            }),
        };
        let page = Page {
            title: "P&L".to_owned(),
            headline: "Up".to_owned(),
            sections: vec![chart("bad"), chart("good")],
            notes: Vec::new(),
        };
        let draw: Draw = |picture| match picture.name.as_str() {
            "good" => Ok(vec![1]),
            _ => Err("no".to_owned()),
        };
        let photo = Piece::Photo {
            name: "good".to_owned(),
            png: vec![1],
            caption: "Equity £1 &amp; more".to_owned(),
        };
        assert_eq!(
            pieces(&page, draw),
            [Piece::Text("<b>P&amp;L</b>\nUp".to_owned(), None), photo]
        );
    }
}
