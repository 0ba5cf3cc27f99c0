//! Which layer of one graph stands at the place of which layer of another.
//!
//! Inputs, outputs and layers of a name that a person has chosen are matched first. From there,
//! neighbour by neighbour, a layer is matched if one layer alone of its kind stands in the same
//! relation to what is matched already. What hangs on a neighbourhood that another layer of the
//! same kind might fill as well is taken back. Names that Keras has made count after that, and only
//! if all of them fit: the same one may stand for another layer.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::mem::{Discriminant, discriminant};

use crate::graph::{Graph, LayerId, LayerKind};
use crate::layer;

use super::places::{Home, Node, Places};

/// A neighbour with more neighbours than this leads to none of them.
const MANY: usize = 1024;

/// Takebacks after which everything in doubt is taken back at once.
const ROUNDS: usize = 64;

/// The layers of two graphs, matched.
pub(super) struct Matching<'a> {
    from: Side<'a>,
    to: Side<'a>,
    /// Kinds of layers of which either graph has one.
    single: BTreeSet<Kind>,
    /// The layers of `from` that are not matched.
    open: BTreeMap<Kind, Vec<Home>>,
}

/// Why two layers are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    /// Inputs, outputs, and names that a person has chosen.
    Given,
    /// A name that Keras has made, or the place.
    Found,
}

struct Side<'a> {
    graph: &'a Graph,
    places: Places,
    /// The node of each layer.
    nodes: HashMap<LayerId, usize>,
    /// The kind of each node.
    kinds: Vec<Kind>,
    /// The node of the other side that each is matched with.
    partner: Vec<Option<(usize, Bond)>>,
}

/// What a layer is: layers match if their kinds are equal, or equal but for the shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// Class, part of a wrapper and names of weights, as a number.
    class: usize,
    /// The shapes of the weights too.
    shapes: usize,
}

/// How two neighbourhoods agree.
#[derive(Default)]
struct Evidence {
    agrees: bool,
    contradicts: bool,
    /// A neighbour is not matched.
    open: bool,
}

/// What a layer has become in the other graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// This layer, with weights of the same shapes.
    Same(Home),
    /// This layer, with weights of other shapes.
    Reshaped(Home),
}

impl<'a> Matching<'a> {
    pub fn of(from: &'a Graph, to: &'a Graph) -> Self {
        let mut classes = Classes::default();
        let mut matching = Self {
            from: Side::of(from, &mut classes),
            to: Side::of(to, &mut classes),
            single: BTreeSet::new(),
            open: BTreeMap::new(),
        };
        matching.match_ends();
        matching.match_names();
        matching.single = matching.singles();
        matching.spread();
        matching.take_back();
        matching.match_automatic_names();
        matching.spread();
        matching.take_back();
        for node in matching.from.open() {
            let open = matching.open.entry(matching.from.kinds[node]);
            open.or_default().extend(matching.from.home(node));
        }
        matching
    }

    /// What stands in `from` for the layer `at` of `to`.
    pub fn origin(&self, at: LayerId) -> Option<Match> {
        let node = self.to.node(at)?;
        let (origin, _) = self.to.partner[node]?;
        let home = self.from.home(origin)?;
        Some(if self.from.kinds[origin] == self.to.kinds[node] {
            Match::Same(home)
        } else {
            Match::Reshaped(home)
        })
    }

    /// The layers of `from` that could be the layer `at` of `to`, where none is matched.
    pub fn candidates(&self, at: LayerId) -> &[Home] {
        let node = self.to.node(at);
        let node = node.filter(|node| self.to.partner[*node].is_none());
        let open = node.and_then(|node| self.open.get(&self.to.kinds[node]));
        open.map_or(&[], Vec::as_slice)
    }

    /// Inputs and outputs: by name if the names are the same ones, by position if there are as many.
    fn match_ends(&mut self) {
        let [from, to] = [self.from.graph, self.to.graph];
        let inputs = |graph: &Graph| graph.input_names(graph.root());
        let outputs = |graph: &Graph| graph.output_names(graph.root());
        self.match_end(&inputs(from), &inputs(to), Node::Input);
        self.match_end(&outputs(from), &outputs(to), Node::Output);
    }

    fn match_end(&mut self, from: &[String], to: &[String], node: fn(usize) -> Node) {
        let positions: HashMap<&String, usize> =
            to.iter().enumerate().map(|(at, name)| (name, at)).collect();
        let by_name = from.iter().map(|name| positions.get(name).copied());
        let by_name: BTreeSet<Option<usize>> = by_name.collect();
        let same_names = by_name.len() == from.len() && !by_name.contains(&None);
        if from.len() != to.len() && !same_names {
            return;
        }
        for (at, name) in from.iter().enumerate() {
            let other = if same_names { positions[name] } else { at };
            let nodes = (self.from.find(node(at)), self.to.find(node(other)));
            if let (Some(a), Some(b)) = nodes {
                self.bind(a, b, Bond::Given);
            }
        }
    }

    /// Layers of one class and path, where a person has named both.
    fn match_names(&mut self) {
        let from = self.from.paths();
        for (path, b) in self.to.paths() {
            let Some(a) = from.get(path).copied() else {
                continue;
            };
            let is_named = |home: Option<Home>| home.is_some_and(|home| home.named);
            if is_named(self.from.home(a))
                && is_named(self.to.home(b))
                && self.from.kinds[a].class == self.to.kinds[b].class
            {
                self.bind(a, b, Bond::Given);
            }
        }
    }

    /// What is left, by the names that Keras has made: if every layer has its namesake, of its
    /// class, and nothing that is known of their places contradicts.
    fn match_automatic_names(&mut self) {
        let (from, to) = (self.from.paths(), self.to.paths());
        let pairs: Vec<(usize, usize)> = to
            .iter()
            .filter_map(|(path, b)| Some((*from.get(path)?, *b)))
            .collect();
        let is_possible = |(a, b): &(usize, usize)| {
            let partner = self.from.partner[*a].map(|(node, _)| node);
            self.from.kinds[*a].class == self.to.kinds[*b].class
                && (partner == Some(*b) || partner.is_none() && self.to.partner[*b].is_none())
        };
        let is_whole = pairs.len() == from.len() && pairs.len() == to.len();
        if !is_whole || !pairs.iter().all(is_possible) {
            return;
        }
        let open = pairs.iter().filter(|(a, b)| {
            self.from.partner[*a].is_none() && self.from.kinds[*a] == self.to.kinds[*b]
        });
        let open: Vec<(usize, usize)> = open.copied().collect();
        for (a, b) in &open {
            self.bind(*a, *b, Bond::Found);
        }
        if pairs.iter().any(|(a, b)| self.evidence(*a, *b).contradicts) {
            for (a, b) in open {
                self.part(a, b);
            }
        }
    }

    /// The kinds of which either graph has one layer that is not given.
    fn singles(&self) -> BTreeSet<Kind> {
        let once = |side: &Side<'_>| -> BTreeSet<Kind> {
            let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
            for node in side.open() {
                *counts.entry(side.kinds[node]).or_default() += 1;
            }
            let counts = counts.into_iter();
            counts
                .filter(|(_, n)| *n == 1)
                .map(|(kind, _)| kind)
                .collect()
        };
        &once(&self.from) & &once(&self.to)
    }

    /// Matches neighbours of what is matched until no more can be told; weights of other shapes
    /// come after those of the same.
    fn spread(&mut self) {
        let all: BTreeSet<usize> = self.to.open().collect();
        self.spread_from(all.clone(), false);
        self.spread_from(all, true);
    }

    fn spread_from(&mut self, mut looked_at: BTreeSet<usize>, any_shapes: bool) {
        while !looked_at.is_empty() {
            let mut found = Vec::new();
            for b in &looked_at {
                if let Some(a) = self.only_origin(*b, any_shapes) {
                    found.push((a, *b));
                }
            }
            for (a, b) in &found {
                self.bind(*a, *b, Bond::Found);
            }
            // Those whose neighbour, or whose neighbour's neighbour, is matched now.
            looked_at = BTreeSet::new();
            for (_, b) in &found {
                for near in self.to.neighbours(*b) {
                    looked_at.insert(near);
                    looked_at.extend(self.to.neighbours(near));
                }
            }
            looked_at.retain(|b| self.to.partner[*b].is_none());
            if any_shapes && !found.is_empty() {
                self.spread_from(looked_at.clone(), false);
                looked_at.retain(|b| self.to.partner[*b].is_none());
            }
        }
    }

    /// The one node of `from` that stands where `b` does, if `b` is the only one there for it too.
    fn only_origin(&self, b: usize, any_shapes: bool) -> Option<usize> {
        if self.to.partner[b].is_some() {
            return None;
        }
        let near = Side::near(&self.to, &self.from, b);
        let mut origins = near.filter(|a| self.fits(*a, b, any_shapes));
        let a = origins.next()?;
        if origins.next().is_some() {
            return None;
        }
        let near = Side::near(&self.from, &self.to, a);
        let mut others = near.filter(|other| *other != b && self.fits(a, *other, any_shapes));
        others.next().is_none().then_some(a)
    }

    /// Whether `a` may be `b`, by what is matched around them.
    fn fits(&self, a: usize, b: usize, any_shapes: bool) -> bool {
        let (a_kind, b_kind) = (self.from.kinds[a], self.to.kinds[b]);
        let same_kind = if any_shapes {
            a_kind.class == b_kind.class
        } else {
            a_kind == b_kind
        };
        if !same_kind {
            return false;
        }
        let evidence = self.evidence(a, b);
        let is_single = a_kind == b_kind && self.single.contains(&a_kind);
        evidence.agrees && (!evidence.contradicts || is_single)
    }

    /// Takes back what was found and is contradicted, and what leans on an open neighbour while
    /// another layer of its kind is open.
    fn take_back(&mut self) {
        for round in 0.. {
            let open = self.from.open().map(|node| self.from.kinds[node]);
            let open: BTreeSet<Kind> = open
                .chain(self.to.open().map(|node| self.to.kinds[node]))
                .collect();
            let mut doubtful = Vec::new();
            for (a, partner) in self.from.partner.iter().enumerate() {
                let Some((b, Bond::Found)) = *partner else {
                    continue;
                };
                let kinds = [self.from.kinds[a], self.to.kinds[b]];
                if kinds[0] == kinds[1] && self.single.contains(&kinds[0]) {
                    continue;
                }
                let evidence = self.evidence(a, b);
                let replaceable = kinds.iter().any(|kind| open.contains(kind));
                if evidence.contradicts || replaceable && (evidence.open || round > ROUNDS) {
                    doubtful.push((a, b));
                }
            }
            if doubtful.is_empty() {
                return;
            }
            for (a, b) in doubtful {
                self.part(a, b);
            }
        }
    }

    /// How the neighbourhoods of `a` and `b` agree, were they one.
    fn evidence(&self, a: usize, b: usize) -> Evidence {
        let mut evidence = Evidence::default();
        let forward = |node: usize| match self.from.partner[node] {
            _ if node == a => Some(b),
            partner => partner.map(|(node, _)| node),
        };
        let back = |node: usize| match self.to.partner[node] {
            _ if node == b => Some(a),
            partner => partner.map(|(node, _)| node),
        };
        let mut say = |itself: bool, agrees: Option<bool>| match agrees {
            None => evidence.open = true,
            Some(false) => evidence.contradicts = true,
            Some(true) => evidence.agrees |= !itself,
        };
        for near in self.from.places.before[a].keys() {
            let other = forward(*near);
            say(*near == a, other.map(|q| self.same_edge(*near, a, q, b)));
        }
        for near in &self.from.places.after[a] {
            let other = forward(*near);
            say(*near == a, other.map(|q| self.same_edge(a, *near, b, q)));
        }
        for near in self.to.places.before[b].keys() {
            let other = back(*near);
            say(*near == b, other.map(|p| self.same_edge(p, a, *near, b)));
        }
        for near in &self.to.places.after[b] {
            let other = back(*near);
            say(*near == b, other.map(|p| self.same_edge(a, p, b, *near)));
        }
        evidence
    }

    /// Whether `p` comes before `a` as `q` does before `b`. Where both have as many sources, they
    /// come in the same order.
    fn same_edge(&self, p: usize, a: usize, q: usize, b: usize) -> bool {
        let [of_a, of_b] = [&self.from.places.before[a], &self.to.places.before[b]];
        match (of_a.get(&p), of_b.get(&q)) {
            (Some(left), Some(right)) => {
                let sorted = |of: &BTreeMap<usize, usize>| {
                    let mut ranks: Vec<usize> = of.values().copied().collect();
                    ranks.sort_unstable();
                    ranks
                };
                left == right || sorted(of_a) != sorted(of_b)
            }
            _ => false,
        }
    }

    fn bind(&mut self, a: usize, b: usize, bond: Bond) {
        self.from.partner[a] = Some((b, bond));
        self.to.partner[b] = Some((a, bond));
    }

    fn part(&mut self, a: usize, b: usize) {
        self.from.partner[a] = None;
        self.to.partner[b] = None;
    }
}

impl<'a> Side<'a> {
    fn of(graph: &'a Graph, classes: &mut Classes<'a>) -> Self {
        let places = Places::of(graph);
        let kinds = places.nodes.iter().map(|node| classes.kind(graph, node));
        let nodes = places.nodes.iter().enumerate();
        let nodes = nodes.filter_map(|(at, node)| match node {
            Node::Layer(home) => Some((home.layer, at)),
            _ => None,
        });
        Self {
            graph,
            kinds: kinds.collect(),
            nodes: nodes.collect(),
            partner: vec![None; places.nodes.len()],
            places,
        }
    }

    fn home(&self, node: usize) -> Option<Home> {
        match self.places.nodes.get(node) {
            Some(Node::Layer(home)) => Some(*home),
            _ => None,
        }
    }

    fn find(&self, wanted: Node) -> Option<usize> {
        self.places.nodes.iter().position(|node| *node == wanted)
    }

    fn node(&self, layer: LayerId) -> Option<usize> {
        self.nodes.get(&layer).copied()
    }

    /// The layers that are not matched.
    fn open(&self) -> impl Iterator<Item = usize> {
        let nodes = 0..self.places.nodes.len();
        nodes.filter(|node| self.partner[*node].is_none() && self.home(*node).is_some())
    }

    fn paths(&self) -> BTreeMap<&'a str, usize> {
        let nodes = 0..self.places.nodes.len();
        let paths = nodes.filter_map(|node| {
            let home = self.home(node)?;
            Some((self.graph.layer(home.layer).path.as_str(), node))
        });
        paths.collect()
    }

    /// What comes right before and behind, but for what comes behind one that all hang on.
    fn neighbours(&self, node: usize) -> impl Iterator<Item = usize> {
        let after = self.places.after[node].iter().copied();
        let after = after.take(if self.places.after[node].len() > MANY {
            0
        } else {
            MANY
        });
        self.places.before[node].keys().copied().chain(after)
    }

    /// The open nodes of `other` around the partners of what is around `node`.
    fn near(
        this: &Self,
        other: &Self,
        node: usize,
    ) -> std::collections::btree_set::IntoIter<usize> {
        let partner = |near: usize| this.partner[near].map(|(node, _)| node);
        let mut found = BTreeSet::new();
        for near in this.places.before[node].keys().copied().filter_map(partner) {
            let after = &other.places.after[near];
            if after.len() <= MANY {
                found.extend(after.iter().copied());
            }
        }
        for near in this.places.after[node].iter().copied().filter_map(partner) {
            found.extend(other.places.before[near].keys().copied());
        }
        found.retain(|node| other.partner[*node].is_none() && other.home(*node).is_some());
        found.into_iter()
    }
}

/// The kinds of layers that were met.
#[derive(Default)]
struct Classes<'a> {
    classes: HashMap<Class<'a>, usize>,
    shapes: HashMap<(usize, Vec<&'a [usize]>), usize>,
}

type Class<'a> = (
    Option<Discriminant<layer::LayerKind>>,
    Option<(Discriminant<layer::Wrapper>, usize)>,
    Vec<&'a str>,
);

impl<'a> Classes<'a> {
    fn kind(&mut self, graph: &'a Graph, node: &Node) -> Kind {
        let Node::Layer(home) = node else {
            return Kind {
                class: usize::MAX,
                shapes: usize::MAX,
            };
        };
        let layer = graph.layer(home.layer);
        let class = match &layer.kind {
            LayerKind::Layer(kind) => Some(discriminant(kind)),
            _ => None,
        };
        let names = layer.weights.iter().map(|weight| weight.name).collect();
        let next = self.classes.len();
        let class = *self
            .classes
            .entry((class, home.part, names))
            .or_insert(next);
        let shapes = layer.weights.iter().map(|weight| weight.tensor.shape());
        let next = self.shapes.len();
        let shapes = *self.shapes.entry((class, shapes.collect())).or_insert(next);
        Kind { class, shapes }
    }
}
