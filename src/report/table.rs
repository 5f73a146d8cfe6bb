//! Plain tables that fit: where the terminal is too narrow, the columns that matter least are left out.

use super::style::{DIM, paint, wrap};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// More rows than this are not printed; the results on disk have them all.
const MOST_ROWS: usize = 40;

/// A column: its heading, of one or two lines, and how much it matters (0 most).
pub(super) type Column<'a> = (&'a str, u8);

/// The table, indented by two spaces, with a line for what was left out.
pub(super) fn table(columns: &[Column<'_>], rows: &[Vec<String>], width: usize) -> String {
    let mut least = columns.iter().map(|(_, rank)| *rank).max().unwrap_or(0);
    loop {
        let kept: Vec<usize> = (0..columns.len()).filter(|&at| columns[at].1 <= least).collect();
        let text = render(columns, &kept, rows);
        let fits = text.lines().all(|line| line.chars().count() + 2 <= width);
        if !fits && least > 0 {
            least -= 1;
            continue;
        }
        let mut out: String = text.lines().map(|line| format!("  {}\n", line.trim_end())).collect();
        if rows.len() > MOST_ROWS {
            out += &format!(
                "  {}\n",
                paint(DIM, format!("… {} more: see --out or --format json", rows.len() - MOST_ROWS))
            );
        }
        if kept.len() < columns.len() {
            let left: Vec<String> =
                columns.iter().filter(|(_, rank)| *rank > least).map(|(name, _)| name.replace('\n', " ")).collect();
            for line in wrap(&format!("(in a wider terminal also: {})", left.join(", ")), width - 2) {
                out += &format!("  {}\n", paint(DIM, line));
            }
        }
        return out;
    }
}

fn render(columns: &[Column<'_>], kept: &[usize], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(kept.iter().map(|&at| columns[at].0));
    for row in rows.iter().take(MOST_ROWS) {
        table.add_row(kept.iter().map(|&at| row[at].as_str()));
    }
    for (place, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if place > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_terminal_loses_what_matters_least() {
        let columns = [("service", 0), ("utilisation", 0), ("queue max", 2), ("wasted", 1)];
        let rows = vec![vec!["api".to_owned(), "97.1%".to_owned(), "120".to_owned(), "4.1%".to_owned()]];
        let wide = table(&columns, &rows, 80);
        assert!(wide.contains("queue max") && wide.lines().count() == 2, "{wide}");
        let narrow = table(&columns, &rows, 34);
        assert!(!narrow.lines().next().unwrap().contains("queue max"), "{narrow}");
        assert!(narrow.contains("max)"), "{narrow}");
        let narrowest = table(&columns, &rows, 12);
        assert!(narrowest.contains("97.1%") && narrowest.contains("wasted)"), "{narrowest}");
    }

    #[test]
    fn a_long_table_says_how_much_is_missing() {
        let rows = vec![vec!["x".to_owned()]; 50];
        assert!(table(&[("name", 0)], &rows, 80).contains("10 more"));
    }
}
