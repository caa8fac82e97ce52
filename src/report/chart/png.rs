//! A chart as PNG, for mail and chat, which show no SVG: with colours of its own and the font that is
//! embedded here, so the same chart is the same picture on every machine.

use std::sync::{Arc, LazyLock};

use resvg::{
    tiny_skia::{Color, Pixmap, Transform},
    usvg::{ImageHrefResolver, Options, Tree, fontdb::Database},
};

/// `DejaVu` Sans, Latin only; its license lies beside it.
const FONT: &[u8] = include_bytes!("dejavu-sans-subset.ttf");
/// The name inside the font.
const FAMILY: &str = "DejaVu Sans";
/// Widths a picture may have, pixels.
const WIDTHS: std::ops::RangeInclusive<u32> = 200..=2400;
/// The tallest picture, pixels.
const HEIGHT_MAX: u32 = 2400;

static FONTS: LazyLock<Arc<Database>> = LazyLock::new(|| {
    let mut fonts = Database::new();
    fonts.load_font_data(FONT.to_vec());
    Arc::new(fonts)
});

/// The colours of a page's light sheet, on white: [`super::STYLE`] without what only browsers know.
const STYLE: &str = "text{font-family:DejaVu Sans;font-size:12px;fill:#3d444d}\
.middle{text-anchor:middle}.end{text-anchor:end}\
.grid,.zero{stroke:#d8dee4;fill:none}.zero{stroke:#57606a}\
.guide{stroke:#57606a;stroke-dasharray:3 3;fill:none}\
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.fill{fill:#0072b2;opacity:.18}\
.line.s0{stroke:#0072b2}.line.s1{stroke:#b85000;stroke-dasharray:7 3}\
.line.s2{stroke:#007a5a;stroke-dasharray:2 2}.line.s3{stroke:#a33e78;stroke-dasharray:9 2 2 2}\
.line.s4{stroke:#6b5b00;stroke-dasharray:4 4}.line.s5{stroke:#444c56;stroke-dasharray:1 3}\
.up{fill:#007a5a}.down{fill:#b3261e}";

/// A chart by [`super::line`], [`super::area`], [`super::bars`] or [`super::standalone`] as PNG, so
/// many pixels wide, on white. The same chart gives the same bytes.
///
/// # Errors
/// In words: it is no chart (nothing to draw), or the width is not between 200 and 2400.
pub fn png(svg: &str, width_px: u32) -> Result<Vec<u8>, String> {
    if !WIDTHS.contains(&width_px) {
        return Err(format!("a picture {width_px} px wide: 200 to 2400 are drawn"));
    }
    let tree = Tree::from_str(&self_contained(svg)?, &options())
        .map_err(|error| format!("the chart is not drawn: {error}"))?;
    let scale = width_px as f32 / tree.size().width();
    let height = (tree.size().height() * scale).round();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a cast bounds it
    let height_px = (height as u32).clamp(1, HEIGHT_MAX);
    let mut pixels = Pixmap::new(width_px, height_px)
        .ok_or_else(|| format!("no room for a picture of {width_px} × {height_px} px"))?;
    pixels.fill(Color::WHITE);
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| format!("the picture is not encoded: {error}"))
}

/// With its name space, and without the style sheet for browsers.
fn self_contained(svg: &str) -> Result<String, String> {
    let rest = svg.trim().strip_prefix("<svg ").ok_or("it is no chart: nothing to draw")?;
    let rest = match (rest.find("<style>"), rest.find("</style>")) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{}", &rest[..from], &rest[to + "</style>".len()..])
        }
        _ => rest.to_owned(),
    };
    let space =
        if rest.starts_with("xmlns=") { "" } else { "xmlns=\"http://www.w3.org/2000/svg\" " };
    Ok(format!("<svg {space}{rest}"))
}

/// The embedded font and no other; nothing is loaded from a file or from elsewhere.
fn options() -> Options<'static> {
    Options {
        font_family: FAMILY.to_owned(),
        fontdb: Arc::clone(&FONTS),
        style_sheet: Some(STYLE.to_owned()),
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Bar, Frame, Guide, Series, Size, Unit, area, bars, line, standalone},
        *,
    };

    fn frame() -> Frame {
        Frame {
            id: "chart".to_owned(),
            title: "Profit & loss".to_owned(),
            says: "From £0 to £10.".to_owned(),
            x: Unit::Points,
            y: Unit::Pounds,
            guides: vec![Guide::Across { at: 20.0, label: "cap – 20 €…".to_owned() }],
            size: Size::Wide,
        }
    }

    fn drawn(svg: &str, width: u32) -> Pixmap {
        Pixmap::decode_png(&png(svg, width).unwrap()).unwrap()
    }

    /// Pixels that are not white.
    fn inked(pixels: &Pixmap) -> usize {
        pixels.pixels().iter().filter(|p| (p.red(), p.green(), p.blue()) != (255, 255, 255)).count()
    }

    fn payoff() -> Series {
        let points = vec![(80.0, -70.0), (90.0, -70.0), (100.0, 30.0), (110.0, 30.0)];
        Series { name: "at expiry".to_owned(), points }
    }

    #[test]
    fn a_chart_becomes_a_picture_of_its_width_with_its_colours() {
        let chart = line(&frame(), &[payoff()]);
        let pixels = drawn(&chart.0, 1200);
        assert_eq!((pixels.width(), pixels.height()), (1200, 411));
        assert!(inked(&pixels) > 5_000, "{}", inked(&pixels));
        let line_colour = |p: &&resvg::tiny_skia::PremultipliedColorU8| {
            (p.red(), p.green(), p.blue()) == (0x00, 0x72, 0xb2)
        };
        assert!(pixels.pixels().iter().filter(line_colour).count() > 1_000);
        let again = png(&chart.0, 1200).unwrap();
        assert_eq!(again, png(&standalone(&chart), 1200).unwrap(), "alone or on a page the same");
        assert!(again.len() < 150_000, "{}", again.len());
    }

    #[test]
    fn every_kind_is_drawn() {
        let month = |label: &str, value| Bar { label: label.to_owned(), value };
        let months = bars(&frame(), &[month("Jan", 12.5), month("Feb", -40.0)]);
        for chart in [area(&frame(), &payoff(), 0.0), months] {
            assert!(inked(&drawn(&chart.0, 600)) > 5_000);
        }
    }

    #[test]
    fn its_words_are_drawn_by_the_embedded_font() {
        let of = |text: &str| {
            inked(&drawn(
                &format!("<svg viewBox=\"0 0 200 20\"><text x=\"2\" y=\"14\">{text}</text></svg>"),
                400,
            ))
        };
        assert_eq!(of(""), 0);
        // Each sign by itself leaves ink of its own, and none is the box of a missing glyph.
        let missing = of("\u{4e00}");
        for sign in "AZaz09$£€%−–…&amp;ÀÿΔΘ×≤≥→±·".replace("&amp;", "").chars()
        {
            let ink = of(&sign.to_string());
            assert!(ink > 0 && ink != missing, "{sign}: {ink}");
        }
        assert!(of("iiii") < of("MMMM"));
    }

    #[test]
    fn what_is_no_chart_is_told_and_nothing_is_loaded() {
        let wide = png("<svg viewBox=\"0 0 4 4\"></svg>", 9000).unwrap_err();
        assert!(wide.contains("9000"), "{wide}");
        let empty = line(&frame(), &[]);
        assert!(png(&empty.0, 600).unwrap_err().contains("nothing to draw"));
        assert!(png("<svg viewBox=\"0 0 4 4\"><path", 600).unwrap_err().contains("not drawn"));
        let file = "<svg viewBox=\"0 0 40 40\"><image href=\"/etc/hostname.svg\" width=\"40\" height=\"40\"/></svg>";
        assert_eq!(inked(&drawn(file, 200)), 0);
    }
}
