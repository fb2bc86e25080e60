//! The axes of a chart with their labels, and lines that mark something on them.

use leptos::prelude::*;

use super::plot::Plot;

/// Labels of an axis with their pixels.
pub(crate) type Ticks = Vec<(f64, String)>;

/// Marks nearer than this share a label, px.
const NEAR: f64 = 44.0;

/// Lines across the drawing with their labels on the left, and labels below it.
#[component]
pub(crate) fn Axes(
    /// The drawing.
    plot: Plot,
    /// Labels below.
    #[prop(into)]
    across: Signal<Ticks>,
    /// Labels on the left.
    #[prop(into)]
    upright: Signal<Ticks>,
) -> impl IntoView {
    let (bottom, _) = plot.upright();
    let levels = move || {
        let (left, right) = plot.across();
        let level = |(y, label): (f64, String)| {
            view! {
                <line class="rule" x1=left x2=right y1=y y2=y />
                <text x=left - 7.0 y=y + 3.5 text-anchor="end">
                    {label}
                </text>
            }
        };
        upright.get().into_iter().map(level).collect_view()
    };
    let labels = move || {
        let (_, right) = plot.across();
        let label = |(x, label): (f64, String)| {
            // A label at the very end must not leave the drawing.
            let anchor = if x > right - 8.0 { "end" } else { "middle" };
            view! {
                <line class="tick" x1=x x2=x y1=bottom y2=bottom + 4.0 />
                <text x=x y=bottom + 16.0 text-anchor=anchor>
                    {label}
                </text>
            }
        };
        across.get().into_iter().map(label).collect_view()
    };
    view! { <g class="axes" aria-hidden="true">{levels} {labels}</g> }.into_any()
}

/// Upright lines with a name above each: a version that first appeared, a percentile. Names that would lie on each other
/// stand together.
#[component]
pub(crate) fn UprightMarks(
    /// The drawing.
    plot: Plot,
    /// Pixels with names, from left to right.
    #[prop(into)]
    marks: Signal<Ticks>,
) -> impl IntoView {
    let (bottom, top) = plot.upright();
    let drawn = move || {
        let marks = marks.get();
        let lines = marks.iter().map(|(x, _)| {
            view! { <line x1=*x x2=*x y1=top - 3.0 y2=bottom /> }
        });
        let names = joined(&marks).into_iter().map(|(x, name)| {
            view! {
                <text x=x y=top - 6.0 text-anchor="middle">
                    {name}
                </text>
            }
        });
        (lines.collect_view(), names.collect_view())
    };
    view! { <g class="upright-marks" aria-hidden="true">{drawn}</g> }.into_any()
}

fn joined(marks: &Ticks) -> Ticks {
    let mut names: Ticks = Vec::new();
    for (x, name) in marks {
        match names.last_mut() {
            Some((last, together)) if x - *last < NEAR => {
                together.push_str(", ");
                together.push_str(name);
            }
            _ => names.push((*x, name.clone())),
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_lie_on_each_other_stand_together() {
        let marks = [(10.0, "v1"), (30.0, "v2"), (90.0, "v3")].map(|(x, name)| (x, name.to_owned()));
        let names = joined(&marks.to_vec());
        assert_eq!(names, [(10.0, "v1, v2".to_owned()), (90.0, "v3".to_owned())]);
    }
}
