//! Walks through all states of a setting.

use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model, Property};
use tokenway_core::config::Config;

use crate::happening::Happening;
use crate::setting::{Setting, config};
use crate::watch::Broken;
use crate::world::World;

/// A rule that must hold, as the checker names it.
const RULES: [&str; 6] = ["I1", "I2", "I3", "I4", "I5", "I6"];

/// What the checker calls it when I2 is broken in one of the ways of [`Setting::ways`].
pub const KNOWN_WAY: &str = "I2 in a known way";

/// As many as the machines of continuous integration have cores.
const THREADS: usize = 2;

/// What was found.
#[derive(Debug)]
pub struct Found {
    /// How many states there are.
    pub states: usize,
    /// How long it took.
    pub took: Duration,
    /// The broken rules, each with the way there.
    pub broken: Vec<Story>,
}

/// The way to a broken rule.
#[derive(Debug)]
pub struct Story {
    /// Which rule.
    pub rule: &'static str,
    /// How it was broken.
    pub how: String,
    /// What happened, a line each.
    pub steps: Vec<String>,
}

/// How far to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// All states were seen. Of several ways to break a rule, any is told.
    AllSeen,
    /// The first broken rule, by one of the shortest ways.
    Broken,
}

/// Walks through the states of a setting.
#[must_use]
pub fn check(setting: &Setting, until: Until) -> Found {
    let began = Instant::now();
    let model = || Checked { setting: setting.clone(), config: config() }.checker();
    if until == Until::AllSeen {
        let checker = model().threads(THREADS).finish_when(HasDiscoveries::All).spawn_bfs().join();
        return found(&checker, began);
    }
    let mut shortest = found(&model().finish_when(HasDiscoveries::Any).spawn_bfs().join(), began);
    // The checker looks at some more states after the first that breaks a rule, and tells of the last one.
    while let Some(story) = shortest.broken.first() {
        let shorter = model().target_max_depth(story.steps.len() + 1).finish_when(HasDiscoveries::Any);
        let shorter = found(&shorter.spawn_bfs().join(), began);
        if shorter.broken.is_empty() {
            break;
        }
        shortest = shorter;
    }
    shortest
}

fn found(checker: &impl Checker<Checked>, began: Instant) -> Found {
    let mut broken = Vec::new();
    for (rule, path) in checker.discoveries() {
        let steps = path.into_vec();
        let how = steps.last().and_then(|(world, _)| world.how(rule)).unwrap_or_default().to_owned();
        let told = steps.iter().filter_map(|(world, step)| Some(tell(world, (*step)?))).collect();
        broken.push(Story { rule, how, steps: told });
    }
    broken.sort_by_key(|story| story.rule);
    Found { states: checker.unique_state_count(), took: began.elapsed(), broken }
}

struct Checked {
    setting: Setting,
    config: Config,
}

impl Model for Checked {
    type State = World;
    type Action = Happening;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.setting)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Happening>) {
        if world.watch.broken.is_none() {
            world.happenings(&self.setting, actions);
        }
    }

    fn next_state(&self, world: &World, happening: Happening) -> Option<World> {
        let mut next = world.after(happening, &self.setting, &self.config);
        next.settle(&self.setting);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let [i1, i2, i3, i4, i5, i6] = RULES;
        let goes_no_known_way = |_: &Self, world: &World| world.how(KNOWN_WAY).is_none();
        vec![
            Property::always(i1, |_, world: &World| world.how(RULES[0]).is_none()),
            Property::always(i2, |_, world: &World| world.how(RULES[1]).is_none()),
            Property::always(i3, |_, world: &World| world.how(RULES[2]).is_none()),
            Property::always(i4, |_, world: &World| world.how(RULES[3]).is_none()),
            Property::always(i5, |_, world: &World| world.how(RULES[4]).is_none()),
            Property::always(i6, |_, world: &World| world.how(RULES[5]).is_none()),
            Property::always(KNOWN_WAY, goes_no_known_way),
        ]
    }
}

impl World {
    /// What breaks I2 in a way that is not known here ends the walk, too.
    fn settle(&mut self, setting: &Setting) {
        if let Some(&how) = self.watch.spent_twice.iter().find(|how| !setting.ways().contains(how)) {
            self.watch.broken.get_or_insert(Broken { rule: 2, how });
        }
        if self.watch.broken.is_none() && self.hangs(setting) {
            self.watch.broken = Some(Broken { rule: 6, how: "a process that is left alone does not end" });
        }
    }

    fn how(&self, rule: &str) -> Option<&'static str> {
        if rule == KNOWN_WAY {
            return self.watch.spent_twice.first().copied().filter(|_| self.how(RULES[1]).is_none());
        }
        let broken = self.watch.broken.filter(|broken| RULES[usize::from(broken.rule) - 1] == rule);
        broken.map(|broken| broken.how)
    }
}

fn tell(world: &World, step: Happening) -> String {
    let at = world.clock_text();
    match step.process() {
        Some(process) => format!("{at} {}: {step:?}", world.process_text(process)),
        None => format!("{at} {step:?}"),
    }
}
