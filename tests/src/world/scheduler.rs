//! Lets several processes run in any order, with a budget of faults, as a seed decides.

use tokenway_core::lifecycle::{Scope, Wish};
use tokenway_core::moment::Millis;

use super::World;
use super::flow::End;
use super::processes::Doing;
use super::random::Random;

/// What may happen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Storm {
    /// How many processes run at a time.
    pub processes: usize,
    /// How many runs there are in all.
    pub runs: usize,
    /// How many requests or answers may be lost.
    pub losses: usize,
    /// How many processes may be killed.
    pub crashes: usize,
    /// How many requests may fail to leave.
    pub unsent: usize,
    /// How many saves may fail.
    pub failing_saves: usize,
    /// Whether people log in again and log out in between.
    pub people: bool,
    /// How often, in percent of the starts, a caller has seen the stored token rejected.
    pub rejections: usize,
    /// Whether everybody may stand still for up to ten seconds at a time.
    pub stalls: bool,
    /// The most milliseconds that pass between two events.
    pub pace: usize,
    /// How often, in percent of the starts, the stored token expires before it.
    pub expiries: usize,
}

/// Something that can happen next.
#[derive(Clone, Copy)]
enum Event {
    Arrive(usize),
    Crash(usize),
    Deliver(usize),
    Land(usize),
    Lose(usize),
    Perform(usize),
    Serve(usize),
    Start,
    Unsent(usize),
    Wait,
}

impl World {
    /// Runs a storm, with the processes that run already, until all have ended or died. Returns the ends.
    pub fn weather(&mut self, seed: u64, mut storm: Storm) -> Vec<End> {
        let mut random = Random::new(seed);
        let mut ends = Vec::new();
        loop {
            let events = self.events(&storm);
            let Some(event) = pick(&events, &mut random) else { return ends };
            if storm.pace > 0 && random.chance(30) {
                self.pass(Millis(u64::try_from(random.below(storm.pace)).unwrap()));
            }
            ends.extend(self.happen(event, &mut storm, &mut random));
        }
    }

    fn events(&self, storm: &Storm) -> Vec<(usize, Event)> {
        let mut events = Vec::new();
        let mut alive = 0;
        let mut waiting = false;
        for process in (0..self.processes.len()).filter(|process| self.lives(*process)) {
            alive += 1;
            match &self.processes[process].doing {
                Doing::Answered(_) => events.push((10, Event::Deliver(process))),
                Doing::Flying(flight) => {
                    waiting = true;
                    let served = flight.answer.is_some();
                    events.push((6, if served { Event::Arrive(process) } else { Event::Serve(process) }));
                    if storm.losses > 0 {
                        events.push((3, Event::Lose(process)));
                    }
                }
                Doing::Idle => {
                    events.push((10, Event::Perform(process)));
                    if storm.unsent > 0 && matches!(self.wants(process), Some(action) if action.name() == "post form") {
                        events.push((5, Event::Unsent(process)));
                    }
                }
                Doing::Locking { .. } | Doing::Waiting { .. } => waiting = true,
            }
            if storm.crashes > 0 {
                events.push((1, Event::Crash(process)));
            }
        }
        if alive < storm.processes && storm.runs > 0 {
            events.push((5, Event::Start));
        }
        events.extend((0..self.ghosts()).map(|ghost| (1, Event::Land(ghost))));
        if waiting {
            events.push((2, Event::Wait));
        }
        if alive == 0 && storm.runs == 0 { Vec::new() } else { events }
    }

    fn happen(&mut self, event: Event, storm: &mut Storm, random: &mut Random) -> Option<End> {
        match event {
            Event::Arrive(process) => self.arrive(process),
            Event::Crash(process) => {
                storm.crashes -= 1;
                self.kill(process);
                self.wake();
            }
            Event::Deliver(process) => return self.deliver(process),
            Event::Land(ghost) => self.land(ghost),
            Event::Lose(process) => {
                storm.losses -= 1;
                self.lose(process, None);
            }
            Event::Perform(process) => {
                if storm.failing_saves > 0 && random.chance(10) {
                    storm.failing_saves -= 1;
                    self.store.failing_saves += 1;
                }
                self.perform(process);
            }
            Event::Serve(process) => self.serve(process),
            Event::Start => {
                storm.runs -= 1;
                let alone = !(0..self.processes.len()).any(|process| self.lives(process));
                if alone && random.chance(storm.expiries) {
                    self.pass(self.server.token_life);
                }
                self.start_something(storm, random);
            }
            Event::Unsent(process) => {
                storm.unsent -= 1;
                self.processes[process].doing = Doing::Answered(super::network::not_sent("no route to host"));
            }
            Event::Wait => {
                let span = [50, 250, 1_000, 10_000][random.below(if storm.stalls { 4 } else { 2 })];
                self.pass(Millis(span));
            }
        }
        None
    }

    fn start_something(&mut self, storm: &Storm, random: &mut Random) {
        let people = if storm.people { random.below(12) } else { 0 };
        let flow = match people {
            9 | 10 => self.login(),
            11 => self.logout(Scope::Everywhere),
            _ if random.chance(storm.rejections) => {
                let rejected = self.store.record().map(|record| record.access_token.hash());
                self.get_token_for(Wish { rejected, min_ttl: Millis::ZERO })
            }
            _ => self.get_token(),
        };
        self.start(flow);
    }
}

fn pick(events: &[(usize, Event)], random: &mut Random) -> Option<Event> {
    let total = events.iter().map(|(weight, _)| weight).sum();
    let mut at = random.below(total);
    for (weight, event) in events {
        if at < *weight {
            return Some(*event);
        }
        at -= weight;
    }
    None
}
