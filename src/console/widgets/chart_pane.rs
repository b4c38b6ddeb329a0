//! A chart with its sentence; drawn anew only when the chart or the size changed.

use std::cell::RefCell;

use ratatui::layout::Rect;

use super::ui::Ui;
use crate::chart::{self, Chart, Grid};
use crate::console::theme::Role;
use crate::places::wrap;

/// A place for one chart, with its last drawing.
#[derive(Debug, Default)]
pub struct ChartPane {
    last: RefCell<Option<(Chart, u16, u16, Grid)>>,
}

impl ChartPane {
    /// Draws the chart over its sentence. A chart that does not fit is told in words.
    pub fn draw(&self, ui: &mut Ui<'_>, area: Rect, chart: &Chart) {
        let lines = wrap(&chart.sentence, area.width.saturating_sub(2));
        // Where there is little room the picture has it: a chart of two rows says less than none.
        let most = if area.height < 12 { u16::from(area.height > 7) } else { (area.height / 3).max(1) };
        let room = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(most);
        if area.height < 6 || area.width < 24 {
            ui.paragraph(area, &chart.sentence, Role::Text);
            return;
        }
        let high = area.height - room;
        let mut last = self.last.borrow_mut();
        let same = last.as_ref().is_some_and(|(c, w, h, _)| (*w, *h) == (area.width, high) && c == chart);
        if !same {
            let grid = chart::cells(chart, area.width, high, ui.glyphs.chart);
            *last = Some((chart.clone(), area.width, high, grid));
        }
        if let Some((.., grid)) = last.as_ref() {
            for (y, row) in (area.y..).zip(grid.rows()) {
                for (x, cell) in (area.x..).zip(row) {
                    if cell.ch != '\0' && (cell.ch != ' ' || matches!(cell.ink, chart::Ink::Heat(_))) {
                        let style = ui.theme.ink(cell.ink);
                        ui.put(x, y, 2, cell.ch.encode_utf8(&mut [0; 4]), style);
                    }
                }
            }
        }
        let below = Rect { x: area.x + 1, y: area.y + high, width: area.width.saturating_sub(2), height: room };
        ui.paragraph(below, &chart.sentence, Role::Muted);
    }
}
