//! The rules: imports point down, and no files import each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
    path::{Path, PathBuf},
};

use super::{
    Layers,
    imports::{ImportKind, Segments},
    modules::Crate,
};

/// An import that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    /// The imported path, or the module that is in no layer.
    pub(crate) path: String,
    pub(crate) rule: String,
}

impl Violation {
    fn new(edge: &Edge, rule: String) -> Self {
        Self { file: edge.from.clone(), line: edge.line, path: edge.path.clone(), rule }
    }

    fn is_of(&self, edge: &Edge) -> bool {
        (&self.file, self.line, &self.path) == (&edge.from, edge.line, &edge.path)
    }
}

impl Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: `{}`: {}", self.file.display(), self.line, self.path, self.rule)
    }
}

/// An import between two files of the crate.
struct Edge {
    from: PathBuf,
    to: PathBuf,
    line: usize,
    path: String,
    /// The first-level modules that the path leads through. `None` is the crate root.
    targets: BTreeSet<Option<String>>,
}

/// Returns every violation of the crate.
pub(crate) fn check(krate: &Crate, layers: &Layers) -> Vec<Violation> {
    let edges = edges(krate);
    let mut violations = unlisted(krate, layers);
    let between_layers = [upward(krate, layers, &edges), sideways(krate, layers, &edges)].concat();
    violations.extend(between_layers);
    // One upward import can close a cycle through many files. It is reported alone.
    let is_allowed = |edge: &Edge| !violations.iter().any(|violation| violation.is_of(edge));
    let allowed: Vec<Edge> = edges.into_iter().filter(is_allowed).collect();
    violations.extend(file_cycles(krate, &allowed));
    violations.sort();
    violations.dedup();
    violations
}

fn edges(krate: &Crate) -> Vec<Edge> {
    let (mut explicit, mut implied) = (Vec::new(), Vec::new());
    for (module, declared) in &krate.modules {
        for import in &declared.imports.paths {
            let first = import.path.first().map_or("", String::as_str);
            let is_explicit =
                import.kind != ImportKind::Inline || matches!(first, "crate" | "self" | "super");
            // A name without a path was imported by the `use` that declares it.
            if !is_explicit && import.path.len() == 1 && krate.is_declared(module, first) {
                continue;
            }
            let resolved = krate.resolve(module, &import.path);
            for definition in &resolved.definitions {
                let is_face = import.kind == ImportKind::Reexport && definition.starts_with(module);
                let to = &krate.modules[definition].file;
                if is_face || *to == declared.file {
                    continue;
                }
                let through = resolved.reexports.iter().filter(|reexport| !reexport.is_empty());
                let edge = Edge {
                    from: declared.file.clone(),
                    to: to.clone(),
                    line: import.line,
                    path: import.path.join("::"),
                    targets: through.chain([definition]).map(|target| folder(krate, target)).collect(),
                };
                if is_explicit { explicit.push(edge) } else { implied.push(edge) }
            }
        }
    }
    let is_known =
        |edge: &Edge| explicit.iter().any(|known| (&known.from, &known.to) == (&edge.from, &edge.to));
    implied.retain(|edge| !is_known(edge));
    explicit.extend(implied);
    explicit
}

/// Returns the first-level module whose file holds the module; `None` for the root's.
fn folder(krate: &Crate, module: &[String]) -> Option<String> {
    let is_in_root = krate.modules[module].file == krate.modules[&Segments::new()].file;
    module.first().filter(|_| !is_in_root).cloned()
}

/// Returns the first-level module of each file.
fn folders(krate: &Crate) -> BTreeMap<&Path, Option<String>> {
    krate.modules.iter().map(|(path, module)| (&*module.file, folder(krate, path))).collect()
}

fn layer(layers: &Layers, folder: &str) -> Option<u32> {
    layers.iter().find(|(_, name)| *name == folder).map(|(layer, _)| *layer)
}

/// The table and the crate have the same first-level modules.
fn unlisted(krate: &Crate, layers: &Layers) -> Vec<Violation> {
    let folders: BTreeMap<String, &Path> = krate
        .modules
        .iter()
        .filter_map(|(path, module)| Some((folder(krate, path)?, &*module.file)))
        .rev()
        .collect();
    let violation = |file: &Path, name: &str, rule: &str| Violation {
        file: file.to_owned(),
        line: 1,
        path: name.to_owned(),
        rule: rule.to_owned(),
    };
    let missing = layers
        .iter()
        .filter(|(_, name)| !folders.contains_key(*name))
        .map(|(_, name)| violation(Path::new("lib.rs"), name, "in the layer table, but not in the crate"));
    let extra = folders
        .iter()
        .filter(|(name, _)| layer(layers, name).is_none())
        .map(|(name, file)| violation(file, name, "not in the layer table"));
    missing.chain(extra).collect()
}

fn upward(krate: &Crate, layers: &Layers, edges: &[Edge]) -> Vec<Violation> {
    let folders = folders(krate);
    let mut violations = Vec::new();
    for edge in edges {
        let Some(from) = &folders[&*edge.from] else { continue };
        let Some(low) = layer(layers, from) else { continue };
        for target in &edge.targets {
            let rule = match target {
                Some(to) => match layer(layers, to) {
                    Some(high) if high > low => {
                        format!("points up, from `{from}` (layer {low}) to `{to}` (layer {high})")
                    }
                    _ => continue,
                },
                None => format!("points up, from `{from}` (layer {low}) to the crate root"),
            };
            violations.push(Violation::new(edge, rule));
        }
    }
    violations
}

fn sideways(krate: &Crate, layers: &Layers, edges: &[Edge]) -> Vec<Violation> {
    let folders = folders(krate);
    let imports: Vec<(&Edge, &String, &String)> = edges
        .iter()
        .filter_map(|edge| Some((edge, folders[&*edge.from].as_ref()?)))
        .flat_map(|(edge, from)| edge.targets.iter().flatten().map(move |to| (edge, from, to)))
        .filter(|(_, from, to)| from != to && layer(layers, from) == layer(layers, to))
        .collect();
    let cycles = cycles(imports.iter().map(|(_, from, to)| (*from, *to)));
    let mut violations = Vec::new();
    for cycle in cycles {
        let names: Vec<&str> = cycle.iter().map(|name| name.as_str()).collect();
        let rule = format!("`{}` import each other", names.join("`, `"));
        let within = imports.iter().filter(|(_, from, to)| cycle.contains(from) && cycle.contains(to));
        violations.extend(within.map(|(edge, ..)| Violation::new(edge, rule.clone())));
    }
    violations
}

/// A cycle is allowed if its files are a module and children of it.
///
/// Two such families share at most one file, so a cycle never spans several families without an import that belongs to
/// none. That leaves two kinds of forbidden cycles: those with such an import, and those among the children.
fn file_cycles(krate: &Crate, edges: &[Edge]) -> Vec<Violation> {
    let parents = parents(krate);
    let parent = |file: &Path| parents.get(file).copied();
    let is_family = |edge: &Edge| {
        let (from, to) = (parent(&edge.from), parent(&edge.to));
        from == to || from == Some(&*edge.to) || to == Some(&*edge.from)
    };
    let pair = |edge: &'_ Edge| (edge.from.clone(), edge.to.clone());
    let mut violations = Vec::new();
    for cycle in cycles(edges.iter().map(pair)) {
        let within: Vec<&Edge> =
            edges.iter().filter(|edge| cycle.contains(&edge.from) && cycle.contains(&edge.to)).collect();
        if !within.iter().all(|edge| is_family(edge)) {
            violations.extend(within.iter().map(|edge| cycle_violation(edge, &cycle)));
            continue;
        }
        let siblings: Vec<&Edge> =
            within.into_iter().filter(|edge| parent(&edge.from) == parent(&edge.to)).collect();
        for cycle in cycles(siblings.iter().map(|edge| pair(edge))) {
            let within =
                siblings.iter().filter(|edge| cycle.contains(&edge.from) && cycle.contains(&edge.to));
            violations.extend(within.map(|edge| cycle_violation(edge, &cycle)));
        }
    }
    violations
}

/// Returns the file of each file's parent module.
fn parents(krate: &Crate) -> BTreeMap<&Path, &Path> {
    let mut parents = BTreeMap::new();
    for (path, module) in &krate.modules {
        if let Some((_, parent)) = path.split_last() {
            let parent = &*krate.modules[parent].file;
            if parent != module.file {
                parents.insert(&*module.file, parent);
            }
        }
    }
    parents
}

fn cycle_violation(edge: &Edge, cycle: &BTreeSet<PathBuf>) -> Violation {
    const MAX_NAMED: usize = 5;
    let files: Vec<String> = cycle.iter().map(|file| file.display().to_string()).collect();
    let files = match files.len() {
        0..=MAX_NAMED => files.join(", "),
        more => format!("{more} files"),
    };
    Violation::new(edge, format!("imports {}, in a cycle of {files}", edge.to.display()))
}

/// Returns the strongly connected components of at least two nodes.
fn cycles<N: Ord + Clone>(edges: impl IntoIterator<Item = (N, N)>) -> Vec<BTreeSet<N>> {
    let mut graph: BTreeMap<N, BTreeSet<N>> = BTreeMap::new();
    for (from, to) in edges {
        graph.entry(to.clone()).or_default();
        graph.entry(from).or_default().insert(to);
    }
    let reach: BTreeMap<&N, BTreeSet<&N>> =
        graph.keys().map(|node| (node, reachable(&graph, node))).collect();
    let mut components: BTreeSet<BTreeSet<N>> = BTreeSet::new();
    for (node, there) in &reach {
        let mut component: BTreeSet<N> = there
            .iter()
            .filter(|other| reach[**other].contains(*node))
            .map(|other| (*other).clone())
            .collect();
        component.insert((*node).clone());
        if component.len() > 1 {
            components.insert(component);
        }
    }
    components.into_iter().collect()
}

fn reachable<'g, N: Ord>(graph: &'g BTreeMap<N, BTreeSet<N>>, start: &N) -> BTreeSet<&'g N> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&N> = graph[start].iter().collect();
    while let Some(node) = next.pop() {
        if found.insert(node) {
            next.extend(&graph[node]);
        }
    }
    found
}
