//! What was read of a body comes again, and what it was is still so.

use std::{collections::VecDeque, convert::Infallible};

use http::HeaderMap;
use http_body_util::BodyExt as _;

use super::*;

/// A body of these frames, which may know how long it is.
struct Frames {
    frames: VecDeque<Result<Frame<Bytes>, &'static str>>,
    knows: bool,
}

fn frames<const N: usize>(frames: [Result<Frame<Bytes>, &'static str>; N], knows: bool) -> Begun<Frames> {
    let frames = frames.into();
    Begun::untouched(Frames { frames, knows })
}

fn data(text: &'static str) -> Frame<Bytes> {
    Frame::data(Bytes::from_static(text.as_bytes()))
}

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(self.get_mut().frames.pop_front())
    }

    fn is_end_stream(&self) -> bool {
        self.knows && self.frames.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.frames.iter().flatten().filter_map(Frame::data_ref);
        match self.knows {
            true => SizeHint::with_exact(left.map(|piece| piece.len() as u64).sum()),
            false => SizeHint::default(),
        }
    }
}

const WANTED: NonZeroUsize = NonZeroUsize::new(6).unwrap();

fn read<B: Body<Data = Bytes> + Unpin>(body: &mut Begun<B>) -> (String, bool) {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(body.poll_beginning(WANTED, &mut cx).is_ready());
    let view = body.view(WANTED);
    (String::from_utf8(view.bytes.to_vec()).unwrap(), view.is_whole)
}

#[tokio::test]
async fn what_was_read_comes_again_and_then_the_rest() {
    for knows in [false, true] {
        let mut body = frames([Ok(data("one, ")), Ok(data("two, ")), Ok(data("three"))], knows);
        let size = body.size_hint().exact();
        assert_eq!(size, knows.then_some(15));
        assert_eq!(read(&mut body), ("one, t".to_owned(), false));
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (size, false));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one, two, ");
        assert_eq!(body.size_hint().exact(), knows.then_some(5));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "three");
    }
}

#[tokio::test]
async fn a_body_that_ends_while_it_is_read_is_whole() {
    for knows in [false, true] {
        let mut body = frames([Ok(data("two"))], knows);
        assert_eq!(read(&mut body), ("two".to_owned(), true));
        assert!(!body.is_end_stream());
        assert_eq!(body.collect().await.unwrap().to_bytes(), "two");
        let mut nothing = frames([], knows);
        assert_eq!(read(&mut nothing), (String::new(), true));
        assert!(nothing.frame().await.is_none());
    }
}

#[tokio::test]
async fn trailers_and_errors_come_after_what_was_read() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-sum", http::HeaderValue::from_static("7"));
    let mut body = frames([Ok(data("one")), Ok(Frame::trailers(trailers.clone()))], false);
    assert_eq!(read(&mut body), ("one".to_owned(), true));
    let collected = body.collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    let mut body = frames([Ok(data("one")), Err("broken")], false);
    assert_eq!(read(&mut body), ("one".to_owned(), false));
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "broken");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_large_piece_is_shown_as_far_as_is_wanted() {
    let whole = http_body_util::Full::<Bytes>::new("one, two".into());
    let mut body = Begun::untouched(whole);
    assert_eq!(read(&mut body), ("one, t".to_owned(), false));
    let came: Result<_, Infallible> = body.collect().await;
    assert_eq!(came.unwrap().to_bytes(), "one, two");
}
