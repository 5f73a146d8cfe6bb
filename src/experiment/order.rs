//! Work done in parallel, results handed on in order.

use rayon::ThreadPool;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

/// Does `work` for each of `0..count` on the pool and hands the results to `each` in the order of their numbers.
///
/// At most twice as many results as there are threads exist at once, however slow the first of them is. Once `stop`
/// is set nothing new begins; what has begun ends and is handed on. True if all `count` were done.
///
/// # Errors
/// The first error of `each`; nothing is handed on after it.
pub(super) fn in_order<T: Send, E>(
    pool: &ThreadPool,
    count: usize,
    stop: &AtomicBool,
    work: impl Fn(usize) -> T + Sync,
    mut each: impl FnMut(usize, T) -> Result<(), E>,
) -> Result<bool, E> {
    let window = 2 * pool.current_num_threads();
    let failed = AtomicBool::new(false);
    let (send, receive) = mpsc::channel();
    let (work, failed) = (&work, &failed);
    let mut done = 0;
    pool.in_place_scope(|scope| {
        let mut early = BTreeMap::new();
        let (mut begun, mut folded) = (0, 0);
        loop {
            while begun < count && begun < folded + window && !stop.load(Ordering::Relaxed) {
                let (index, send) = (begun, send.clone());
                scope.spawn(move |_| {
                    let skip = failed.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed);
                    // Nobody listens any more after an error; the result is then of no use.
                    let _ = send.send((index, (!skip).then(|| work(index))));
                });
                begun += 1;
            }
            if folded == begun {
                return Ok(done == count);
            }
            let Ok((index, result)) = receive.recv() else {
                return Ok(false);
            };
            early.insert(index, result);
            while let Some(result) = early.remove(&folded) {
                if let Some(result) = result {
                    each(folded, result).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
                    done += 1;
                }
                folded += 1;
            }
        }
    })
}

/// Does `work` for each of `0..count` on the pool and hands the results to `each` as they come, so that nothing that has
/// ended waits for something that has not. Otherwise as [`in_order`].
///
/// # Errors
/// The first error of `each`; nothing is handed on after it.
pub(super) fn as_they_end<T: Send, E>(
    pool: &ThreadPool,
    count: usize,
    stop: &AtomicBool,
    work: impl Fn(usize) -> T + Sync,
    mut each: impl FnMut(T) -> Result<(), E>,
) -> Result<bool, E> {
    let window = 2 * pool.current_num_threads();
    let failed = AtomicBool::new(false);
    let (send, receive) = mpsc::channel();
    let (work, failed) = (&work, &failed);
    let mut done = 0;
    pool.in_place_scope(|scope| {
        let (mut begun, mut ended) = (0, 0);
        loop {
            while begun < count && begun < ended + window && !stop.load(Ordering::Relaxed) {
                let (index, send) = (begun, send.clone());
                scope.spawn(move |_| {
                    let skip = failed.load(Ordering::Relaxed) || stop.load(Ordering::Relaxed);
                    let _ = send.send((!skip).then(|| work(index)));
                });
                begun += 1;
            }
            if ended == begun {
                return Ok(done == count);
            }
            let Ok(result) = receive.recv() else { return Ok(false) };
            ended += 1;
            if let Some(result) = result {
                each(result).inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
                done += 1;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    /// Work whose cost falls with its number, so that later ones tend to finish first.
    fn uneven(index: usize) -> usize {
        (0..(100 - index) * 1000).fold(index, |a, b| std::hint::black_box(a ^ b ^ b))
    }

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        for threads in [1, 2, 8] {
            let mut seen = Vec::new();
            let all = in_order(&pool(threads), 100, &AtomicBool::new(false), uneven, |index, value| {
                seen.push((index, value));
                Ok::<(), ()>(())
            });
            assert_eq!(all, Ok(true));
            assert!(seen.iter().copied().eq((0..100).map(|n| (n, n))));
        }
    }

    #[test]
    fn a_stop_keeps_what_has_begun_and_begins_nothing_new() {
        let stop = AtomicBool::new(false);
        let mut seen = Vec::new();
        let all = in_order(&pool(2), 100, &stop, uneven, |index, _| {
            seen.push(index);
            if index == 10 {
                stop.store(true, Ordering::Relaxed);
            }
            Ok::<(), ()>(())
        });
        assert_eq!(all, Ok(false));
        assert!(seen.is_sorted() && seen.contains(&10) && seen.len() <= 11 + 4);
    }

    #[test]
    fn nothing_is_handed_on_after_an_error() {
        let mut seen = 0;
        let result = in_order(&pool(4), 100, &AtomicBool::new(false), uneven, |index, _| {
            seen += 1;
            if index == 5 { Err("full disk") } else { Ok(()) }
        });
        assert_eq!((result, seen), (Err("full disk"), 6));
    }

    #[test]
    fn each_result_comes_once_whatever_the_order() {
        for threads in [1, 2, 8] {
            let mut seen = Vec::new();
            let all = as_they_end(&pool(threads), 100, &AtomicBool::new(false), uneven, |value| {
                seen.push(value);
                if threads == 2 && value == 90 { Err("full disk") } else { Ok(()) }
            });
            if threads == 2 {
                assert_eq!((all, seen.last()), (Err("full disk"), Some(&90)));
                continue;
            }
            seen.sort_unstable();
            assert_eq!(all, Ok(true));
            assert!(seen.iter().copied().eq(0..100));
        }
    }

    #[test]
    fn nothing_begins_when_stopped_before_the_start() {
        let result = in_order(&pool(2), 5, &AtomicBool::new(true), |n| n, |_, _| Err("ran"));
        assert_eq!(result, Ok(false));
    }
}
