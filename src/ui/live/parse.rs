//! Reads server-sent-event framing from chunks that may be cut anywhere, in the middle of a character too.

/// One event of the stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `id:` field; empty: none.
    pub id: String,
    /// The `event:` field; empty: none.
    pub event: String,
    /// The `data:` lines, joined by newlines.
    pub data: String,
}

/// Keeps what is unfinished between chunks.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    event: SseEvent,
    has_data: bool,
}

impl SseParser {
    /// Takes a chunk and returns the events that it completes.
    pub fn push(&mut self, chunk: &[u8]) -> Vec<SseEvent> {
        let mut done = Vec::new();
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                None => self.line.extend_from_slice(part),
                Some(rest) => {
                    self.line.extend_from_slice(rest);
                    let line = std::mem::take(&mut self.line);
                    done.extend(self.end_of_line(&line));
                }
            }
        }
        done
    }

    fn end_of_line(&mut self, line: &[u8]) -> Option<SseEvent> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            // An event without data is a heartbeat or a mere id: nothing to hand on.
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let line = String::from_utf8_lossy(line);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = value.into(),
            "event" => self.event.event = value.into(),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments have an empty field name; unknown fields are to be ignored.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SseEvent, SseParser};

    const STREAM: &str = ": hello\n\nid: 7-1\nevent: snapshot\ndata: {\"a\":\"ä€🙂\"}\n\n: beat\n\nid: 7-2\r\nevent: tick\r\ndata: one\r\ndata:two\r\nretry: 5\r\n\r\ndata: unfinished\n";

    fn event(id: &str, event: &str, data: &str) -> SseEvent {
        SseEvent { id: id.into(), event: event.into(), data: data.into() }
    }

    fn expected() -> Vec<SseEvent> {
        vec![event("7-1", "snapshot", "{\"a\":\"ä€🙂\"}"), event("7-2", "tick", "one\ntwo")]
    }

    #[test]
    fn reads_events_and_skips_comments() {
        assert_eq!(SseParser::default().push(STREAM.as_bytes()), expected());
    }

    #[test]
    fn an_event_comes_out_only_when_complete() {
        let mut parser = SseParser::default();
        assert!(parser.push(b"id: 1-1\ndata: x\n").is_empty());
        assert_eq!(parser.push(b"\n"), [event("1-1", "", "x")]);
        assert!(parser.push(b"\n\n").is_empty());
    }

    proptest! {
        #[test]
        fn chunk_borders_do_not_matter(mut cuts in proptest::collection::vec(0..STREAM.len(), 0..40)) {
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let mut parser = SseParser::default();
            let events: Vec<_> =
                cuts.windows(2).flat_map(|cut| parser.push(&STREAM.as_bytes()[cut[0]..cut[1]])).collect();
            prop_assert_eq!(events, expected());
        }

        #[test]
        fn arbitrary_bytes_never_panic(chunks in proptest::collection::vec(any::<Vec<u8>>(), 0..8)) {
            let mut parser = SseParser::default();
            for chunk in chunks {
                parser.push(&chunk);
            }
        }
    }
}
