//! The open connections, and how many there may be. Above that limit the connection that has been
//! idle longest is closed, so that a client that opens thousands blocks no other client and no probe.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// All connections of a server.
pub(crate) struct Connections {
    most: usize,
    began: Instant,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    /// By the order in which they came.
    all: BTreeMap<u64, Arc<Use>>,
    came: u64,
    /// Whether it was said that there are too many.
    crowded: bool,
}

/// What a connection is used for.
#[derive(Default)]
struct Use {
    /// When something happened last, in ms since the server began.
    touched_ms: AtomicU64,
    /// An instance works for it.
    busy: AtomicBool,
    /// It is to be closed.
    unwanted: AtomicBool,
    told: Notify,
}

/// One of them, counted until it is dropped.
pub(crate) struct Connection {
    /// Who is at its other end.
    pub(crate) client: SocketAddr,
    id: u64,
    all: Arc<Connections>,
    used: Arc<Use>,
}

/// An instance works for a connection: it is not closed meanwhile.
pub(crate) struct Busy(Arc<Connection>);

impl Connections {
    /// None yet, and not more than `most`.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, began: Instant::now(), open: Mutex::default() })
    }

    /// One more. Where there are too many, another one is told to close.
    pub(crate) fn open(self: &Arc<Self>, client: SocketAddr) -> Arc<Connection> {
        let used = Arc::new(Use { touched_ms: AtomicU64::new(self.now_ms()), ..Use::default() });
        let mut open = self.lock();
        open.make_room(self.most);
        open.came += 1;
        let id = open.came;
        open.all.insert(id, Arc::clone(&used));
        drop(open);
        Arc::new(Connection { client, id, all: Arc::clone(self), used })
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        // Every change is whole before it can panic.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn make_room(&mut self, most: usize) {
        if self.all.len() < most {
            self.crowded = false;
            return;
        }
        if !std::mem::replace(&mut self.crowded, true) {
            tracing::warn!("{most} connections are open: for each new one an idle one is closed (--max-connections)");
        }
        let idle = self.all.values().filter(|one| one.is_idle());
        if let Some(oldest) = idle.min_by_key(|one| one.touched_ms.load(Ordering::Relaxed)) {
            oldest.unwanted.store(true, Ordering::Relaxed);
            oldest.told.notify_one();
        }
    }
}

impl Use {
    /// Whether it may be told to close, and was not.
    fn is_idle(&self) -> bool {
        !self.busy.load(Ordering::Relaxed) && !self.unwanted.load(Ordering::Relaxed)
    }
}

impl Connection {
    /// A request has come, or an answer begins.
    pub(crate) fn touch(&self) {
        self.used.touched_ms.store(self.all.now_ms(), Ordering::Relaxed);
    }

    /// An instance begins to work for it.
    pub(crate) fn works(self: &Arc<Self>) -> Busy {
        self.used.busy.store(true, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Done when it is to be closed.
    pub(crate) async fn unwanted(&self) {
        loop {
            self.used.told.notified().await;
            // What began to work since then goes on to its end.
            if !self.used.busy.load(Ordering::Relaxed) {
                return;
            }
            self.used.unwanted.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.all.lock().all.remove(&self.id);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.touch();
        self.0.used.busy.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }

    fn unwanted(connection: &Connection) -> bool {
        connection.used.unwanted.load(Ordering::Relaxed)
    }

    #[test]
    fn above_the_most_the_connection_that_is_idle_longest_is_told_to_close() {
        let all = Connections::new(3);
        let [one, two, three] = [(); 3].map(|()| all.open(client()));
        for (connection, at_ms) in [(&one, 10), (&two, 20), (&three, 30)] {
            connection.used.touched_ms.store(at_ms, Ordering::Relaxed);
        }
        let busy = one.works();
        let four = all.open(client());
        assert_eq!([&one, &two, &three, &four].map(|c| unwanted(c)), [false, true, false, false]);
        four.used.touched_ms.store(40, Ordering::Relaxed);
        let five = all.open(client());
        assert_eq!([&one, &three, &four, &five].map(|c| unwanted(c)), [false, true, false, false]);
        drop(busy);
    }

    #[test]
    fn a_connection_that_ends_makes_room() {
        let all = Connections::new(2);
        let one = all.open(client());
        drop(all.open(client()));
        let two = all.open(client());
        assert_eq!([&one, &two].map(|c| unwanted(c)), [false, false]);
        assert_eq!(all.lock().all.len(), 2);
    }

    #[tokio::test]
    async fn a_connection_that_began_to_work_is_not_closed() {
        let all = Connections::new(1);
        let one = all.open(client());
        let _two = all.open(client());
        let busy = one.works();
        assert!(futures_now(one.unwanted()).await.is_none(), "it works");
        drop(busy);
        let _three = all.open(client());
        let _four = all.open(client());
        assert!(futures_now(one.unwanted()).await.is_some(), "it is idle again");
    }

    /// What the future gives at once.
    async fn futures_now<T>(future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = future => Some(done),
            () = std::future::ready(()) => None,
        }
    }
}
