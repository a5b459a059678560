//! Which faults are made, and when they end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Trial;

/// What can be done to a farm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A worker is killed, and started again by its supervisor.
    KillWorker,
    /// A worker stands still for longer than its lease.
    StopWorker,
    /// A worker is started again with a clock that is minutes off.
    WrongClock,
    /// The next command of a scheduler is killed on its way, and given again.
    KillScheduler,
    /// Redis is killed, and started again.
    KillRedis,
    /// The disk of Redis is full for a while.
    FillDisk,
    /// The bucket answers every third request with an error for a while.
    StoreErrors,
    /// The bucket does not answer for a while.
    StoreAway,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::KillWorker,
        Self::StopWorker,
        Self::WrongClock,
        Self::KillScheduler,
        Self::KillRedis,
        Self::FillDisk,
        Self::StoreErrors,
        Self::StoreAway,
    ];

    /// As the result names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::KillWorker => "kill_worker",
            Self::StopWorker => "stop_worker",
            Self::WrongClock => "wrong_clock",
            Self::KillScheduler => "kill_scheduler",
            Self::KillRedis => "kill_redis",
            Self::FillDisk => "fill_disk",
            Self::StoreErrors => "store_errors",
            Self::StoreAway => "store_away",
        }
    }
}

/// The faults of a trial.
#[derive(Debug)]
pub(super) struct Faults {
    random: fastrand::Rng,
    /// Those to come, the next one last.
    to_come: Vec<Fault>,
    made: BTreeMap<Fault, u64>,
    /// Kinds that this machine cannot make.
    left_out: Vec<Fault>,
    next_at: Instant,
    /// Deliveries between two faults, so that they are spread over the whole of the work.
    apart: u64,
    next_after: u64,
    ends: Vec<(Instant, Fault)>,
    lease: Duration,
}

impl Faults {
    /// Draws them: every kind as often as any other, in an order of the seed.
    pub(super) fn new(trial: &Trial, can_fill_disk: bool) -> Self {
        let mut random = fastrand::Rng::with_seed(trial.seed);
        let is_left_out = |fault: &Fault| match fault {
            Fault::FillDisk => !can_fill_disk,
            Fault::WrongClock => !super::workers::can_set_clock(),
            _ => false,
        };
        let (left_out, kinds): (Vec<Fault>, Vec<Fault>) =
            Fault::ALL.into_iter().partition(is_left_out);
        let mut to_come: Vec<Fault> = kinds.into_iter().cycle().take(trial.faults).collect();
        random.shuffle(&mut to_come);
        let apart = trial.lines as u64 / (trial.faults as u64 + 1);
        Self {
            random,
            to_come,
            made: BTreeMap::new(),
            left_out,
            next_at: Instant::now(),
            apart,
            next_after: 0,
            ends: Vec::new(),
            lease: Duration::from_millis(trial.lease_ms),
        }
    }

    /// The next fault, if it is time for one: enough was delivered since the last.
    pub(super) fn due(&mut self, delivered: u64) -> Option<Fault> {
        if delivered < self.next_after || Instant::now() < self.next_at {
            return None;
        }
        let fault = self.to_come.pop()?;
        self.next_after = delivered + self.apart / 2 + self.random.u64(0..=self.apart / 2);
        self.next_at = Instant::now() + Duration::from_millis(self.random.u64(50..800));
        *self.made.entry(fault).or_default() += 1;
        let lasts = match fault {
            Fault::StopWorker => self.lease.mul_f64(1.5),
            Fault::FillDisk | Fault::StoreErrors | Fault::StoreAway => Duration::from_secs(2),
            Fault::KillWorker | Fault::WrongClock | Fault::KillScheduler | Fault::KillRedis => {
                return Some(fault);
            }
        };
        self.ends.push((Instant::now() + lasts, fault));
        Some(fault)
    }

    /// A number that decides who is hit.
    pub(super) fn random(&mut self) -> u64 {
        self.random.u64(..)
    }

    /// How many were made.
    pub(super) fn made(&self) -> u64 {
        self.made.values().sum()
    }

    /// How many were made of each kind.
    pub(super) fn by_name(&self) -> BTreeMap<&'static str, u64> {
        self.made.iter().map(|(fault, count)| (fault.name(), *count)).collect()
    }

    /// Kinds that this machine cannot make: a disk needs root, a clock needs `faketime`.
    pub(super) fn left_out(&self) -> Vec<&'static str> {
        self.left_out.iter().map(|fault| fault.name()).collect()
    }

    /// Those that have lasted long enough; each is told once.
    pub(super) fn over(&mut self) -> Vec<Fault> {
        let now = Instant::now();
        let (over, last): (Vec<_>, Vec<_>) = self.ends.drain(..).partition(|(at, _)| *at <= now);
        self.ends = last;
        over.into_iter().map(|(_, fault)| fault).collect()
    }

    /// Those that last still; each is told once.
    pub(super) fn lasting(&mut self) -> Vec<Fault> {
        self.ends.drain(..).map(|(_, fault)| fault).collect()
    }
}
