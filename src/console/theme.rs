//! Colours by meaning. A theme is a TOML file under `themes/`; what it says is mapped to what the terminal can show.

use std::str::FromStr;

use include_dir::{Dir, include_dir};
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::chart::Ink;
use crate::error::{Error, Result};

static THEMES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/themes");

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// None: bold, reversed and shapes only.
    None,
    /// The sixteen base colours, as the user set them.
    Sixteen,
    /// The xterm palette.
    Indexed,
    /// 24 bits.
    True,
}

impl Depth {
    /// What the environment promises: `NO_COLOR`, `TERM`, `COLORTERM`.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let term = get("TERM").unwrap_or_default();
        if get("NO_COLOR").is_some_and(|v| !v.is_empty()) || term == "dumb" || term.ends_with("-mono") {
            return Self::None;
        }
        if get("COLORTERM").is_some_and(|v| v == "truecolor" || v == "24bit") {
            return Self::True;
        }
        if term.contains("256color") || term.contains("kitty") || term.contains("direct") {
            Self::Indexed
        } else {
            Self::Sixteen
        }
    }
}

/// What a piece of the screen means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Text,
    /// Text that matters most.
    Strong,
    /// Text of less weight.
    Muted,
    /// Lines and fillers.
    Faint,
    /// Where you are.
    Accent,
    /// A key to press.
    Key,
    /// All is well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// Good to know.
    Info,
    /// A heading.
    Title,
}

type Pair = (String, String);

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    background: Pair,
    text: Pair,
    strong: Pair,
    muted: Pair,
    faint: Pair,
    accent: Pair,
    selection: Pair,
    key: Pair,
    good: Pair,
    warn: Pair,
    bad: Pair,
    info: Pair,
    series: Vec<Pair>,
    heat: Vec<String>,
    heat_text: Pair,
}

/// The colours in force.
#[derive(Debug, Clone)]
pub struct Theme {
    /// Its name.
    pub name: String,
    depth: Depth,
    background: Color,
    text: Color,
    strong: Color,
    muted: Color,
    faint: Color,
    accent: Color,
    selection: Color,
    key: Color,
    good: Color,
    warn: Color,
    bad: Color,
    info: Color,
    series: Vec<Color>,
    bands: Vec<Color>,
    heat: Vec<Color>,
    heat_text: (Color, Color),
}

fn rgb(text: &str) -> Result<(u8, u8, u8)> {
    let wrong = || Error::local(format!("`{text}` is not a colour like #5fafff"));
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6 && d.is_ascii()).ok_or_else(wrong)?;
    let number = u32::from_str_radix(digits, 16).map_err(|_| wrong())?;
    let [_, r, g, b] = number.to_be_bytes();
    Ok((r, g, b))
}

/// The nearest entry of xterm's 6x6x6 cube or its grey ramp.
fn indexed((r, g, b): (u8, u8, u8)) -> u8 {
    const STEPS: [i32; 6] = [0, 95, 135, 175, 215, 255];
    let near = |v: u8| (0..6u8).min_by_key(|i| (STEPS[usize::from(*i)] - i32::from(v)).abs()).unwrap_or(0);
    let far =
        |x: (i32, i32, i32)| (x.0 - i32::from(r)).pow(2) + (x.1 - i32::from(g)).pow(2) + (x.2 - i32::from(b)).pow(2);
    let (i, j, k) = (near(r), near(g), near(b));
    let cube = (STEPS[usize::from(i)], STEPS[usize::from(j)], STEPS[usize::from(k)]);
    let mean = (i32::from(r) + i32::from(g) + i32::from(b)) / 3;
    let step = ((mean - 8 + 5) / 10).clamp(0, 23);
    let grey = 8 + 10 * step;
    if far((grey, grey, grey)) < far(cube) { 232 + u8::try_from(step).unwrap_or(0) } else { 16 + 36 * i + 6 * j + k }
}

fn base(name: &str) -> Result<Color> {
    Color::from_str(name).map_err(|_| Error::local(format!("`{name}` is not one of the sixteen colours")))
}

impl Theme {
    /// The names of the embedded themes.
    #[must_use]
    pub fn names() -> Vec<String> {
        let mut names: Vec<String> =
            THEMES.files().filter_map(|f| Some(f.path().file_stem()?.to_str()?.to_owned())).collect();
        names.sort();
        names
    }

    /// An embedded theme, mapped to `depth`.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn named(name: &str, depth: Depth) -> Result<Self> {
        let text = THEMES.get_file(format!("{name}.toml")).and_then(|f| f.contents_utf8()).ok_or_else(|| {
            Error::usage(format!("there is no theme `{name}`"))
                .hint(format!("The themes are {}", Self::names().join(", ")))
        })?;
        Self::parse(name, text, depth)
    }

    fn parse(name: &str, text: &str, depth: Depth) -> Result<Self> {
        let file: File = toml::from_str(text).map_err(|e| Error::local(format!("theme {name}: {}", e.message())))?;
        let of = |hex: (u8, u8, u8)| match depth {
            Depth::True => Color::Rgb(hex.0, hex.1, hex.2),
            _ => Color::Indexed(indexed(hex)),
        };
        let one = |pair: &Pair| -> Result<Color> {
            let (hex, plain) = (rgb(&pair.0)?, base(&pair.1)?);
            Ok(match depth {
                Depth::None => Color::Reset,
                Depth::Sixteen => plain,
                Depth::Indexed | Depth::True => of(hex),
            })
        };
        let ground = rgb(&file.background.0)?;
        let half = |pair: &Pair| -> Result<Color> {
            let (r, g, b) = rgb(&pair.0)?;
            let mix = |a: u8, b: u8| ((u16::from(a) * 9 + u16::from(b) * 11) / 20) as u8;
            Ok(match depth {
                Depth::None => Color::Reset,
                Depth::Sixteen => base(&pair.1)?,
                Depth::Indexed | Depth::True => of((mix(r, ground.0), mix(g, ground.1), mix(b, ground.2))),
            })
        };
        let heat = match depth {
            Depth::Indexed | Depth::True => file.heat.iter().map(|h| Ok(of(rgb(h)?))).collect::<Result<Vec<_>>>()?,
            Depth::None | Depth::Sixteen => vec![Color::Reset; file.heat.len()],
        };
        let heat_text = match depth {
            Depth::Indexed | Depth::True => (of(rgb(&file.heat_text.0)?), of(rgb(&file.heat_text.1)?)),
            Depth::None | Depth::Sixteen => (Color::Reset, Color::Reset),
        };
        Ok(Self {
            name: name.to_owned(),
            depth,
            background: one(&file.background)?,
            text: one(&file.text)?,
            strong: one(&file.strong)?,
            muted: one(&file.muted)?,
            faint: one(&file.faint)?,
            accent: one(&file.accent)?,
            selection: one(&file.selection)?,
            key: one(&file.key)?,
            good: one(&file.good)?,
            warn: one(&file.warn)?,
            bad: one(&file.bad)?,
            info: one(&file.info)?,
            series: file.series.iter().map(one).collect::<Result<_>>()?,
            bands: file.series.iter().map(half).collect::<Result<_>>()?,
            heat,
            heat_text,
        })
    }

    /// The style of a role. Without colours weight and underlining stand in.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        let style = Style::new().bg(self.background);
        match role {
            Role::Text => style.fg(self.text),
            Role::Strong => style.fg(self.strong).add_modifier(Modifier::BOLD),
            Role::Muted if self.depth == Depth::None => style.add_modifier(Modifier::DIM),
            Role::Muted => style.fg(self.muted),
            Role::Faint => style.fg(self.faint),
            Role::Accent => style.fg(self.accent).add_modifier(Modifier::BOLD),
            Role::Key => style.fg(self.key).add_modifier(Modifier::BOLD),
            Role::Good => style.fg(self.good),
            Role::Warn => style.fg(self.warn),
            Role::Bad => style.fg(self.bad),
            Role::Info => style.fg(self.info),
            Role::Title => style.fg(self.muted).add_modifier(Modifier::BOLD),
        }
    }

    /// Lays the look of the selected row over a style.
    #[must_use]
    pub fn selected(&self, style: Style) -> Style {
        match self.depth {
            Depth::None => style.add_modifier(Modifier::REVERSED),
            Depth::Sixteen => style.bg(self.selection).fg(self.strong),
            Depth::Indexed | Depth::True => style.bg(self.selection),
        }
    }

    /// The style of a chart's character.
    #[must_use]
    pub fn ink(&self, ink: Ink) -> Style {
        let style = Style::new().bg(self.background);
        let pick =
            |colors: &[Color], n: u8| colors.get(usize::from(n) % colors.len().max(1)).copied().unwrap_or(self.text);
        match ink {
            Ink::Series(n) => style.fg(pick(&self.series, n)),
            Ink::Band(n) => style.fg(pick(&self.bands, n)),
            Ink::Axis => style.fg(self.faint),
            Ink::Rule => style.fg(self.muted),
            Ink::Label | Ink::None => style.fg(self.text),
            Ink::Title => self.style(Role::Title),
            Ink::Muted => style.fg(self.muted),
            Ink::Good => style.fg(self.good),
            Ink::Warn => style.fg(self.warn),
            Ink::Bad => style.fg(self.bad),
            Ink::Heat(n) => {
                let text = if n < 5 { self.heat_text.0 } else { self.heat_text.1 };
                let style = style.bg(self.heat.get(usize::from(n)).copied().unwrap_or(self.background)).fg(text);
                if self.depth == Depth::None && n >= 5 { style.add_modifier(Modifier::REVERSED) } else { style }
            }
        }
    }
}

/// The name of the theme that fits the terminal: by `COLORFGBG` (`foreground;background`, 7 and 9 to 15 are light).
#[must_use]
pub fn fitting(colorfgbg: Option<&str>) -> &'static str {
    let background = colorfgbg.and_then(|v| v.rsplit(';').next()).and_then(|v| v.parse::<u8>().ok());
    match background {
        Some(7 | 9..=15) => "light",
        _ => "dark",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_loads_at_every_depth() {
        assert_eq!(Theme::names(), ["dark", "high-contrast", "light"]);
        for name in Theme::names() {
            for depth in [Depth::None, Depth::Sixteen, Depth::Indexed, Depth::True] {
                let theme = Theme::named(&name, depth).unwrap();
                let color = theme.style(Role::Bad).fg;
                match depth {
                    Depth::None => assert_eq!(color, Some(Color::Reset)),
                    Depth::Sixteen => assert!(!matches!(color, Some(Color::Rgb(..) | Color::Indexed(_)))),
                    Depth::Indexed => assert!(matches!(color, Some(Color::Indexed(_)))),
                    Depth::True => assert!(matches!(color, Some(Color::Rgb(..)))),
                }
            }
            let theme = Theme::named(&name, Depth::True).unwrap();
            assert_eq!((theme.series.len(), theme.heat.len()), (6, 9));
        }
        assert!(Theme::named("mauve", Depth::True).unwrap_err().to_string().contains("high-contrast"));
    }

    /// WCAG 2.1: relative luminance and contrast ratio.
    fn contrast(a: (u8, u8, u8), b: (u8, u8, u8)) -> f64 {
        let light = |c: (u8, u8, u8)| {
            let part = |v: u8| {
                let v = f64::from(v) / 255.0;
                if v <= 0.03928 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(c.0) + 0.7152 * part(c.1) + 0.0722 * part(c.2)
        };
        let (x, y) = (light(a).max(light(b)), light(a).min(light(b)));
        (x + 0.05) / (y + 0.05)
    }

    #[test]
    fn text_can_be_read_on_ground_and_on_selection() {
        for name in Theme::names() {
            let text = THEMES.get_file(format!("{name}.toml")).unwrap().contents_utf8().unwrap();
            let file: File = toml::from_str(text).unwrap();
            for ground in [&file.background, &file.selection] {
                let ground = rgb(&ground.0).unwrap();
                for (role, pair) in [
                    ("text", &file.text),
                    ("strong", &file.strong),
                    ("accent", &file.accent),
                    ("key", &file.key),
                    ("good", &file.good),
                    ("warn", &file.warn),
                    ("bad", &file.bad),
                    ("info", &file.info),
                ] {
                    let ratio = contrast(rgb(&pair.0).unwrap(), ground);
                    assert!(ratio >= 4.5, "{name}: {role} {ratio:.2}");
                }
                assert!(contrast(rgb(&file.muted.0).unwrap(), ground) >= 3.5, "{name}: muted");
            }
        }
    }

    #[test]
    fn the_environment_decides() {
        let env = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned())
        };
        assert_eq!(Depth::from_env(env(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")])), Depth::True);
        assert_eq!(Depth::from_env(env(&[("TERM", "screen-256color")])), Depth::Indexed);
        assert_eq!(Depth::from_env(env(&[("TERM", "linux")])), Depth::Sixteen);
        assert_eq!(Depth::from_env(env(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")])), Depth::None);
        assert_eq!(Depth::from_env(env(&[("TERM", "dumb"), ("COLORTERM", "truecolor")])), Depth::None);
        assert_eq!((fitting(Some("0;15")), fitting(Some("15;0")), fitting(None)), ("light", "dark", "dark"));
    }

    #[test]
    fn colours_of_the_cube_stay_what_they_are() {
        assert_eq!(indexed((0x5f, 0xaf, 0xff)), 75);
        assert_eq!(indexed((0x12, 0x12, 0x12)), 233);
        assert_eq!(indexed((255, 255, 255)), 231);
    }
}
