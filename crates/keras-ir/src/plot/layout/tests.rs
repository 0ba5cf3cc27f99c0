use super::*;

const STYLE: Style = Style {
    direction: Direction::TopBottom,
    header: 20.0,
    port: 10.0,
};

fn item(parent: Option<usize>) -> Item {
    Item {
        parent,
        size: Size::new(60.0, 20.0),
    }
}

fn is_inside(inner: Rect, outer: Rect) -> bool {
    inner.min.x >= outer.min.x
        && inner.min.y >= outer.min.y
        && inner.max.x <= outer.max.x
        && inner.max.y <= outer.max.y
}

fn are_apart(a: Rect, b: Rect) -> bool {
    a.max.x <= b.min.x || b.max.x <= a.min.x || a.max.y <= b.min.y || b.max.y <= a.min.y
}

fn is_at(point: Point, rect: Rect) -> bool {
    let from = |at: f64, start: f64, end: f64| (start - 0.6..=end + 0.6).contains(&at);
    from(point.x, rect.min.x, rect.max.x) && from(point.y, rect.min.y, rect.max.y)
}

/// What holds of every layout.
fn checked(items: &[Item], edges: &[(usize, usize)]) -> Layout {
    let layout = layout(items, edges, &STYLE);
    let all = Rect {
        min: Point::default(),
        max: Point::new(layout.size.width, layout.size.height),
    };
    for (position, item) in items.iter().enumerate() {
        let rect = layout.rects[position];
        let outer = item.parent.map_or(all, |parent| layout.rects[parent]);
        assert!(is_inside(rect, outer), "{position}: {rect:?} in {outer:?}");
        let before = items.iter().zip(&layout.rects).take(position);
        for (other, rect_of_other) in before {
            if other.parent == item.parent {
                assert!(are_apart(rect, *rect_of_other), "{position}: {rect:?}");
            }
        }
    }
    for ((from, to), route) in edges.iter().zip(&layout.routes) {
        let (Some(first), Some(last)) = (route.first(), route.last()) else {
            unreachable!("no route from {from} to {to}");
        };
        assert!(
            is_at(*first, layout.rects[*from]),
            "{from} to {to}: {route:?}"
        );
        assert!(is_at(*last, layout.rects[*to]), "{from} to {to}: {route:?}");
        assert!(route.iter().all(|point| is_at(*point, all)), "{route:?}");
    }
    layout
}

#[test]
fn nothing_is_a_layout_too() {
    assert_eq!(layout(&[], &[], &STYLE).rects.len(), 0);
    checked(&[item(None)], &[]);
    checked(&[item(None), item(None)], &[]);
}

#[test]
fn what_takes_stands_under_what_gives() {
    let items = vec![item(None); 5];
    let edges = [(0, 1), (0, 2), (1, 3), (2, 3), (0, 3), (3, 4)];
    let layout = checked(&items, &edges);
    for (from, to) in edges {
        assert!(layout.rects[from].min.y < layout.rects[to].min.y);
    }
    // An edge that goes by a row keeps clear of the boxes in it.
    let past = &layout.routes[4];
    for rect in &layout.rects[1..3] {
        let middle = rect.center().y;
        let beside = past
            .windows(2)
            .find(|pair| pair[0].y <= middle && middle <= pair[1].y);
        assert!(beside.is_some_and(|pair| !is_at(pair[0], *rect) && pair[0].x == pair[1].x));
    }
}

#[test]
fn a_late_input_stands_above_what_takes_it() {
    let items = vec![item(None); 5];
    let layout = checked(&items, &[(0, 2), (2, 3), (3, 4), (1, 4)]);
    assert_eq!(layout.rects[1].min.y, layout.rects[3].min.y);
}

#[test]
fn circles_and_edges_to_themselves_have_routes() {
    let items = vec![item(None); 3];
    let layout = checked(
        &items,
        &[(0, 0), (0, 1), (1, 0), (1, 2), (2, 0), (2, 2), (2, 2)],
    );
    let up = &layout.routes[2];
    assert!(up[0].y > up[up.len() - 1].y);
}

#[test]
fn edges_go_in_and_out_of_groups() {
    // 0, the group 1 with 2, 3 and the group 4 with 5; 6.
    let parents = [None, None, Some(1), Some(1), Some(1), Some(4), None];
    let items: Vec<Item> = parents.into_iter().map(item).collect();
    let edges = [
        (0, 2),
        (0, 2),
        (2, 5),
        (5, 3),
        (3, 6),
        (6, 2),
        (6, 5),
        (0, 6),
        (5, 0),
    ];
    checked(&items, &edges);
}

/// Whatever the edges are.
#[test]
fn every_layout_keeps_boxes_apart_and_inside() {
    let mut state: u32 = 1;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for round in 0..200 {
        let count = 1 + random(24);
        let mut items: Vec<Item> = Vec::new();
        for position in 0..count {
            let parent = (position > 0).then(|| random(2 * position));
            let mut item = item(parent.filter(|parent| *parent < position));
            item.size.width = 20.0 + random(200) as f64;
            items.push(item);
        }
        let is_box = |at: &usize| items.iter().all(|item| item.parent != Some(*at));
        let boxes: Vec<usize> = (0..count).filter(is_box).collect();
        let edges: Vec<(usize, usize)> = (0..random(if round % 20 == 0 {
            2 * MOST_REFINED
        } else {
            40
        }))
            .map(|_| (boxes[random(boxes.len())], boxes[random(boxes.len())]))
            .collect();
        checked(&items, &edges);
    }
}

#[test]
fn large_graphs_are_laid_out_too() {
    let dense = (0..90).flat_map(|from| (from + 1..90).map(move |to| (from, to)));
    let layout = checked(&vec![item(None); 90], &dense.collect::<Vec<_>>());
    // The longest edge is drawn right across.
    assert_eq!(layout.routes[88].len(), 2);
    let fan = (1..1001).flat_map(|middle| [(0, middle), (middle, 1001)]);
    checked(&vec![item(None); 1002], &fan.collect::<Vec<_>>());
}
