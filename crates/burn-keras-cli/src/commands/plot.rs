//! `burn-keras plot`.

use keras_ir::plot::{Direction, Plot, PlotOptions};

use crate::Status;
use crate::arguments::{self, DirectionName};
use crate::error::CliError;
use crate::output::{Output, message};

/// Writes the drawing of a model.
pub fn plot(arguments: &arguments::Plot, output: &mut Output) -> Result<Status, CliError> {
    let graph = keras_ir::read(&arguments.model.path, arguments.model.read_options())?;
    let options = PlotOptions {
        expand_nested: arguments.expand_nested,
        direction: match arguments.direction {
            DirectionName::TopToBottom => Direction::TopToBottom,
            DirectionName::LeftToRight => Direction::LeftToRight,
        },
        shapes: !arguments.no_shapes,
    };
    Plot::new(&graph, &options).write(&arguments.output)?;
    for note in &graph.notes {
        message(format_args!("Note: {note}"));
    }
    output.line(format_args!("{}", arguments.output.display()))?;
    Ok(Status::Done)
}
