use super::*;
use crate::report::chart::{Frame, Series, Size, Unit, line};

fn page() -> Page {
    let text = str::to_owned;
    Page {
        title: text("Daily report"),
        headline: text("Up £12.00 <today>"),
        sections: vec![
            Section {
                title: text("Account"),
                body: Body::Facts(vec![(text("Net liquidation"), text("£35,012.00"))]),
            },
            Section {
                title: text("Trades"),
                body: Body::Rows(
                    vec![text("What"), text("P&L")],
                    vec![vec![text("ES iron condor"), text("$15.30")]],
                ),
            },
        ],
        notes: vec![text("Option quotes are modelled.")],
    }
}

fn with_chart() -> Page {
    let frame = Frame {
        id: "equity".to_owned(),
        title: "Net liquidation".to_owned(),
        says: String::new(),
        x: Unit::Points,
        y: Unit::Pounds,
        guides: Vec::new(),
        size: Size::Small,
    };
    let points = vec![(0.0, 1.0), (1.0, 2.0)];
    let svg = line(&frame, &[Series { name: "a".to_owned(), points }]).0;
    let picture = Picture { name: "equity".to_owned(), title: "£2 & more".to_owned(), svg };
    let mut page = page();
    page.sections.push(Section { title: "Equity".to_owned(), body: Body::Chart(picture) });
    page
}

#[test]
fn the_text_reads_from_the_headline_down() {
    insta::assert_snapshot!(page().text());
}

#[test]
fn the_html_is_escaped_and_loads_nothing_from_elsewhere() {
    let page = with_chart();
    for html in [page.html(), page.mail()] {
        assert!(html.contains("Up £12.00 &lt;today&gt;"));
        assert!(html.contains("P&amp;L") && html.contains("£2 &amp; more"));
        for outside in ["http://", "https://", "<script", "@import", "url(", "<link"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}

#[test]
fn a_screen_has_the_chart_inside_and_a_mail_its_content_id() {
    let page = with_chart();
    let (screen, mail) = (page.html(), page.mail());
    assert!(screen.contains("<svg class=\"chart\"") && screen.contains(".chart .line"));
    assert!(!screen.contains("src="));
    assert!(
        !mail.contains("<svg") && mail.contains("<img src=\"cid:equity\" alt=\"£2 &amp; more\"")
    );
    assert_eq!(mail.matches("src=").count(), 1);
    assert!(!mail.contains("display:grid") && !mail.contains("<dl"));
    assert_eq!(page.pictures().count(), 1);
    assert!(!self::page().html().contains(".chart"), "no style without a chart");
}
