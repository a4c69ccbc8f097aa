//! A text that differs in a few words from answer to answer, and all the rest of which is compressed once.

use std::sync::OnceLock;

use axum::{
    body::Bytes,
    http::{HeaderMap, header},
};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};

/// The head of a gzip file without name and time.
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Marks the last block of a gzip file.
const LAST: u8 = 1;

/// A text without what it is to hold in some places.
pub struct Split {
    pieces: Vec<Bytes>,
    zipped: OnceLock<Option<Vec<Zipped>>>,
}

/// A piece as blocks of a gzip file, none of which refers to what stands before them.
struct Zipped {
    blocks: Vec<u8>,
    crc: Crc,
}

impl Split {
    /// Takes `what` out of `text`; `None`: it is not there.
    pub fn at(text: &[u8], what: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.windows(what.len()).position(|window| window == what.as_bytes()) {
            pieces.push(Bytes::copy_from_slice(&rest[..at]));
            rest = &rest[at + what.len()..];
        }
        pieces.push(Bytes::copy_from_slice(rest));
        (pieces.len() > 1).then(|| Self { pieces, zipped: OnceLock::new() })
    }

    /// The text with something else in its places.
    pub fn join(&self, what: &str) -> Bytes {
        self.pieces.join(what.as_bytes()).into()
    }

    /// The same as a gzip file; `None`: it can't be made.
    pub fn join_zipped(&self, what: &str) -> Option<Bytes> {
        let zipped =
            self.zipped.get_or_init(|| self.pieces.iter().map(|piece| Zipped::of(piece)).collect()).as_ref()?;
        let what = (stored(what.as_bytes(), 0)?, crc(what.as_bytes()));
        let mut file = GZIP_HEAD.to_vec();
        let mut sum = Crc::new();
        for (number, Zipped { blocks, crc }) in zipped.iter().enumerate() {
            if number > 0 {
                file.extend_from_slice(&what.0);
                sum.combine(&what.1);
            }
            file.extend_from_slice(blocks);
            sum.combine(crc);
        }
        file.extend(stored(&[], LAST)?);
        file.extend(sum.sum().to_le_bytes());
        file.extend(sum.amount().to_le_bytes());
        Some(file.into())
    }
}

impl Zipped {
    fn of(piece: &[u8]) -> Option<Self> {
        let mut compress = Compress::new(Compression::best(), false);
        // More than what can't be made smaller takes, so one call is enough.
        let mut blocks = Vec::with_capacity(piece.len() + piece.len() / 100 + 128);
        let status = compress.compress_vec(piece, &mut blocks, FlushCompress::Sync).ok()?;
        let whole =
            status == Status::Ok && compress.total_in() == piece.len() as u64 && blocks.len() < blocks.capacity();
        whole.then(|| Self { blocks, crc: crc(piece) })
    }
}

fn crc(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

/// A block that is not compressed.
fn stored(bytes: &[u8], kind: u8) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok()?;
    let mut block = vec![kind];
    block.extend(length.to_le_bytes());
    block.extend((!length).to_le_bytes());
    block.extend_from_slice(bytes);
    Some(block)
}

/// Whether a request may be answered with gzip.
pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|entry| {
        let (name, rest) = entry.split_once(';').unwrap_or((entry, ""));
        let quality = rest.trim().strip_prefix("q=").map_or(Some(1.0), |quality| quality.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && quality.is_some_and(|quality| quality > 0.0)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use axum::http::HeaderValue;
    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn a_text_is_put_together_again_plain_and_zipped() {
        let long = "-<p>a page</p>-".repeat(5_000);
        for text in ["a-NN-b-NN", "NN", "NNNN", "-NN", "N-NN-N", &format!("{long}NN{long}NN")] {
            let split = Split::at(text.as_bytes(), "NN").unwrap();
            // Each time another one.
            for word in ["xyz", "", "NN"] {
                assert_eq!(split.join(word), text.replace("NN", word));
                let mut unzipped = String::new();
                GzDecoder::new(&*split.join_zipped(word).unwrap()).read_to_string(&mut unzipped).unwrap();
                assert!(unzipped == text.replace("NN", word));
            }
        }
        assert!(Split::at(b"N-N", "NN").is_none());
        let split = Split::at(format!("{long}NN{long}").as_bytes(), "NN").unwrap();
        assert!(split.join_zipped("xyz").unwrap().len() < long.len() / 20);
    }

    #[test]
    fn gzip_goes_only_to_who_takes_it() {
        for (header, takes) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.8", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("br", false),
            ("", false),
            ("gzip;q=?", false),
        ] {
            let headers = [(header::ACCEPT_ENCODING, HeaderValue::from_static(header))].into_iter().collect();
            assert_eq!(takes_gzip(&headers), takes, "{header}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
