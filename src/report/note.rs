//! What people noted about a run, from Markdown to HTML that can do nothing.

use pulldown_cmark::{CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};

/// A note as HTML: markup in it is text, pictures are their words, and links lead to web pages only.
pub fn note_html(markdown: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let harmless = Parser::new_ext(markdown, options).filter_map(|event| match event {
        Event::Html(text) | Event::InlineHtml(text) => Some(Event::Text(text)),
        Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => None,
        Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
            // An address in angle brackets would be given `mailto:`, whatever it is.
            let link_type = if link_type == LinkType::Email { LinkType::Inline } else { link_type };
            let dest_url = if leads_to_a_page(&dest_url) { dest_url } else { CowStr::Borrowed("#") };
            Some(Event::Start(Tag::Link { link_type, dest_url, title, id }))
        }
        // The page has headings of its own above these.
        Event::Start(Tag::Heading { .. }) => Some(Event::Start(Tag::Paragraph)),
        Event::End(TagEnd::Heading(_)) => Some(Event::End(TagEnd::Paragraph)),
        event => Some(event),
    });
    let mut text = String::new();
    html::push_html(&mut text, harmless);
    text
}

fn leads_to_a_page(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://") || (url.starts_with('/') && !url.starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_html() {
        let html = note_html("**Release** 2, see [the plan](https://plan.example/2)\n\n- one\n- ~~two~~");
        assert!(html.contains("<strong>Release</strong>") && html.contains("<del>two</del>"), "{html}");
        assert!(html.contains("<a href=\"https://plan.example/2\">the plan</a>"), "{html}");
    }

    #[test]
    fn nothing_in_it_can_do_anything() {
        for evil in [
            "<script>alert(1)</script>",
            "text <img src=x onerror=alert(1)>",
            "[click](javascript:alert(1))",
            "[click](data:text/html,x)",
            "[click](//evil.example)",
            "![x](http://evil.example/pixel)",
            "<http://a\"onmouseover=alert(1)>",
            "<anna@example.com>",
        ] {
            let html = note_html(evil);
            for part in
                ["<script", "<img", "javascript:", "data:text", "mailto:", "\"//evil", "onmouseover=alert(1)>\""]
            {
                assert!(!html.contains(part), "{evil}: {html}");
            }
        }
        assert!(note_html("<b>bold</b>").contains("&lt;b&gt;bold"));
        assert_eq!(note_html("# Title\n\ntext").matches("<p>").count(), 2);
    }
}
