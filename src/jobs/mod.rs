//! Background work: id, progress, cancel, end state, and latest-wins slots for previews.
//!
//! A job runs on a thread of its own and talks only through messages. Whoever owns the [`Jobs`] drains them on one
//! thread, so that results are applied in one place, and results that came too late are recognised by their id.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

use crate::engine::{Control, Progress};
use crate::error::{Error, Result};

/// Names a job for as long as the program runs.
pub type JobId = u64;

/// What a job says.
#[derive(Debug)]
pub enum Message<T> {
    /// It has come further.
    Progress(JobId, Progress),
    /// It has ended, well or not. Always the last message of a job.
    Done(JobId, Result<T>),
}

/// A job that runs.
#[derive(Debug)]
pub struct Job {
    /// What it does, in words.
    pub title: String,
    /// When it began.
    pub started: Instant,
    /// The last it said, by the thing worked on.
    pub progress: BTreeMap<String, Progress>,
    /// The last it said at all.
    pub latest: Option<Progress>,
    control: Control,
}

impl Job {
    /// Whether it was asked to stop.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.control.is_cancelled()
    }
}

/// The jobs of one program.
pub struct Jobs<T> {
    next: JobId,
    running: BTreeMap<JobId, Job>,
    slots: BTreeMap<&'static str, JobId>,
    tell: Sender<Message<T>>,
    hear: Receiver<Message<T>>,
    wake: std::sync::Arc<dyn Fn() + Send + Sync>,
}

impl<T> std::fmt::Debug for Jobs<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Jobs").field("running", &self.running).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Jobs<T> {
    /// `wake` is called after every message, from the job's thread.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (tell, hear) = channel();
        Self { next: 1, running: BTreeMap::new(), slots: BTreeMap::new(), tell, hear, wake: std::sync::Arc::new(wake) }
    }

    /// Starts a job.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        &mut self,
        title: impl Into<String>,
        work: impl FnOnce(&Control) -> Result<T> + Send + 'static,
    ) -> Result<JobId> {
        let id = self.next;
        self.next += 1;
        let (tell, wake) = (self.tell.clone(), self.wake.clone());
        let control = {
            let (tell, wake) = (self.tell.clone(), self.wake.clone());
            Control::new(move |progress| {
                // The owner is gone when the program ends: nobody is left to tell.
                let _ = tell.send(Message::Progress(id, progress));
                wake();
            })
        };
        let handle = control.clone();
        std::thread::Builder::new().name(format!("job-{id}")).spawn(move || {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&handle)))
                .unwrap_or_else(|_| Err(Error::local("the work failed in an unforeseen way")));
            let _ = tell.send(Message::Done(id, result));
            wake();
        })?;
        self.running.insert(
            id,
            Job { title: title.into(), started: Instant::now(), progress: BTreeMap::new(), latest: None, control },
        );
        Ok(id)
    }

    /// Starts a job in a slot: what ran there before is cancelled, and its result will count as stale.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start_latest(
        &mut self,
        slot: &'static str,
        title: impl Into<String>,
        work: impl FnOnce(&Control) -> Result<T> + Send + 'static,
    ) -> Result<JobId> {
        if let Some(before) = self.slots.get(slot).copied() {
            self.cancel(before);
        }
        let id = self.start(title, work)?;
        self.slots.insert(slot, id);
        Ok(id)
    }

    /// Whether `id` is the latest job of its slot.
    #[must_use]
    pub fn is_latest(&self, slot: &'static str, id: JobId) -> bool {
        self.slots.get(slot) == Some(&id)
    }

    /// Asks a job to stop. It leaves the list at once; what it still says is dropped.
    pub fn cancel(&mut self, id: JobId) -> bool {
        match self.running.remove(&id) {
            Some(job) => {
                job.control.cancel();
                true
            }
            None => false,
        }
    }

    /// Asks all jobs to stop.
    pub fn cancel_all(&mut self) {
        for (_, job) in std::mem::take(&mut self.running) {
            job.control.cancel();
        }
    }

    /// The jobs that run, the oldest first.
    pub fn running(&self) -> impl Iterator<Item = (JobId, &Job)> {
        self.running.iter().map(|(id, job)| (*id, job))
    }

    /// A job that runs.
    #[must_use]
    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.running.get(&id)
    }

    /// Takes in all waiting messages and returns the jobs that ended, with their results. Jobs that were cancelled or
    /// replaced are not among them.
    pub fn drain(&mut self) -> Vec<(JobId, Result<T>)> {
        let mut ended = Vec::new();
        while let Ok(message) = self.hear.try_recv() {
            match message {
                Message::Progress(id, progress) => {
                    if let Some(job) = self.running.get_mut(&id) {
                        job.latest = Some(progress.clone());
                        job.progress.insert(progress.what.clone(), progress);
                    }
                }
                Message::Done(id, result) => {
                    if self.running.remove(&id).is_some() {
                        ended.push((id, result));
                    }
                }
            }
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn settle(jobs: &mut Jobs<u8>) -> Vec<(JobId, Result<u8>)> {
        let mut ended = Vec::new();
        while jobs.running().next().is_some() {
            ended.extend(jobs.drain());
            std::thread::sleep(Duration::from_millis(1));
        }
        ended
    }

    #[test]
    fn results_come_home_and_a_panic_is_an_error() {
        let mut jobs = Jobs::new(|| {});
        let a = jobs
            .start("a", |control| {
                control.report("x", Some(0.5), "");
                Ok(1)
            })
            .unwrap();
        let b = jobs.start("b", |_| panic!("boom")).unwrap();
        let ended = settle(&mut jobs);
        assert_eq!(ended.iter().find(|e| e.0 == a).unwrap().1, Ok(1));
        assert!(ended.iter().find(|e| e.0 == b).unwrap().1.is_err());
    }

    #[test]
    fn the_latest_of_a_slot_wins() {
        let mut jobs = Jobs::new(|| {});
        let wait = |control: &Control| loop {
            control.check()?;
            std::thread::sleep(Duration::from_millis(1));
        };
        let old = jobs.start_latest("preview", "old", wait).unwrap();
        let new = jobs.start_latest("preview", "new", |_| Ok(2)).unwrap();
        assert!(!jobs.is_latest("preview", old) && jobs.is_latest("preview", new));
        assert_eq!(settle(&mut jobs), vec![(new, Ok(2))]);
    }
}
