"""Knows how every page looks: one style sheet for light, dark, narrow and printed pages."""

STYLE = """
:root { color-scheme: light dark; --text: #12161b; --dim: #535d69; --ground: #fff; --panel: #f5f7f9; --line: #d6dce3;
  --track: #e3e8ee; --good: #0d6b3a; --bad: #b01c2e; --doubt: #855000; --good-soft: #e3f4ea; --bad-soft: #fdeaec;
  --doubt-soft: #fdf1dc; --here: #1d5fd0; --target: #39424e; --third: #7a3fb5; --fourth: #0b7285; --link: #174ea6; }
@media screen and (prefers-color-scheme: dark) { :root { --text: #e8ebef; --dim: #a3adb9; --ground: #101316;
  --panel: #181c21; --line: #333b44; --track: #2a3138; --good: #58cf8b; --bad: #ff8f94; --doubt: #f1b95a;
  --good-soft: #12301f; --bad-soft: #3b171c; --doubt-soft: #35270c; --here: #74a9ff; --target: #c6cfd9;
  --third: #c79bf2; --fourth: #59c3d6; --link: #9cc0ff; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; color: var(--text); background: var(--ground); font: 1rem/1.5 system-ui, -apple-system, "Segoe UI",
  Roboto, "Liberation Sans", sans-serif; overflow-wrap: anywhere; }
.top, main, .foot { max-width: 70rem; margin: 0 auto; padding: 0 1.25rem; }
.top { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; padding-top: 1rem;
  padding-bottom: .75rem; font-size: .9rem; color: var(--dim); }
.top .brand { color: var(--text); font-weight: 700; letter-spacing: -.01em; margin: 0; }
.top nav { margin-left: auto; } .top ul { display: flex; flex-wrap: wrap; gap: .1rem 1rem; list-style: none; margin: 0;
  padding: 0; } .top li a { display: inline-block; padding: .2rem 0; }
a { color: var(--link); } .top a { text-decoration: none; } .top a:hover { text-decoration: underline; }
.skip { position: absolute; left: -100rem; } .skip:focus { left: 1rem; top: .5rem; padding: .5rem 1rem;
  background: var(--ground); z-index: 2; }
:focus-visible { outline: 3px solid var(--here); outline-offset: 2px; }
section { margin: 2.5rem 0 0; }
h1, h2, h3 { line-height: 1.25; text-wrap: pretty; } h1 { margin: 0; }
h2 { font-size: 1.3rem; letter-spacing: -.01em; margin: 0 0 .25rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 .35rem; }
p { margin: .25rem 0; max-width: 48rem; } ul, ol { margin: .5rem 0; padding-left: 1.25rem; }
code, .code { font: .88em/1.45 ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; }
td, th, code, dd, li, h1, p, summary { unicode-bidi: isolate; }
.dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); } .doubt { color: var(--doubt); }
.good, .bad, .doubt { font-weight: 600; } .lead { color: var(--dim); margin-bottom: .75rem; }
.hero { margin: 0; padding: 1.5rem; border: 1px solid var(--line); border-top: .3rem solid var(--dim);
  border-radius: .5rem; background: var(--panel); }
.hero.match { border-top-color: var(--good); } .hero.mismatch { border-top-color: var(--bad); }
.hero.unknown { border-top-color: var(--doubt); }
.word { display: table; font-size: .85rem; font-weight: 700; letter-spacing: .06em; text-transform: uppercase;
  padding: .15rem .6rem; border-radius: .3rem; margin-bottom: .75rem; }
.word.good { background: var(--good-soft); } .word.bad { background: var(--bad-soft); }
.word.doubt { background: var(--doubt-soft); } .word.dim { background: var(--track); color: var(--text); }
.headline { display: block; font-size: clamp(1.35rem, 1rem + 1.8vw, 2rem); font-weight: 700; letter-spacing: -.015em; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(12rem, 100%), 1fr)); gap: .75rem 1.5rem;
  margin: 1.25rem 0 0; }
.facts dt { color: var(--dim); font-size: .85rem; } .facts dd { margin: 0; font-weight: 600; }
.facts dd span { display: block; font-weight: 400; color: var(--dim); font-size: .85rem; }
.ladder { display: flex; gap: .25rem; list-style: none; padding: 0; margin: 1.5rem 0 0; font-size: .85rem; }
.ladder li { flex: 1 1 0; border-top: .35rem solid var(--track); padding-top: .35rem; color: var(--dim); min-width: 0; }
.ladder li.enough { border-top-color: var(--good); } .ladder li b { display: block; color: var(--text); }
.ladder li.at { border-top-color: var(--bad); color: var(--text); font-weight: 700; }
.ladder li.at.enough { border-top-color: var(--good); }
.answers { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(13.5rem, 100%), 1fr)); gap: .6rem;
  list-style: none; padding: 0; margin: .75rem 0 0; }
.answers li { border: 1px solid var(--line); border-left: .3rem solid var(--dim); border-radius: .35rem;
  padding: .55rem .75rem .6rem; min-width: 0; }
.answers li.yes { border-left-color: var(--good); } .answers li.no { border-left-color: var(--bad); }
.answers li.unknown { border-left-color: var(--doubt); } .answers b { display: block; }
.answers small { display: block; color: var(--dim); font-size: .8rem; line-height: 1.35; margin-top: .15rem; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .5rem .75rem; color: var(--dim); font-size: .85rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .75rem; border-top: 1px solid var(--line); }
tbody th { font-weight: 600; } thead th { border-top: 0; font-size: .8rem; color: var(--dim); font-weight: 600; }
thead, caption { background: var(--panel); } caption + thead th { border-top: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; } .text { min-width: 12rem; } .name { min-width: 10rem; }
.nowrap { white-space: nowrap; overflow-wrap: normal; }
.ratios th.bar-cell, .ratios td.bar-cell { width: 34%; min-width: 9rem; } .ratios .ratio { font-weight: 700; }
.bar, .strip, .plot { display: block; width: 100%; overflow: visible; } .bar { height: 1.1rem; margin: .15rem 0; }
.stack-bar { height: 2.25rem; margin: .3rem 0 .2rem; } .strip { margin: 0 0 .6rem; }
.f-good { fill: var(--good); } .f-bad { fill: var(--bad); } .f-doubt { fill: var(--doubt); } .f-dim { fill: var(--dim); }
.f-track { fill: var(--track); } .f-here { fill: var(--here); } .f-target { fill: var(--target); }
.f-third { fill: var(--third); } .f-fourth { fill: var(--fourth); } .f-text { fill: var(--text); }
.f-flip { fill: var(--doubt); fill-opacity: .14; } .f-over { fill: var(--bad); fill-opacity: .16; }
.part-a { fill: var(--here); } .part-b { fill: var(--fourth); } .part-c { fill: var(--third); }
.part-d { fill: var(--dim); } .maybe { fill-opacity: .42; }
.s-line { stroke: var(--line); } .s-mark { stroke: var(--text); stroke-width: 2; } .s-here { stroke: var(--here); }
.s-target { stroke: var(--target); } .s-third { stroke: var(--third); } .s-fourth { stroke: var(--fourth); }
.s-dim { stroke: var(--dim); } .roof { stroke-width: 2.5; stroke-linecap: round; } .dash { stroke-dasharray: 7 5; }
.thin { stroke-dasharray: 2 4; } svg text { font: 12px system-ui, "Liberation Sans", sans-serif; fill: var(--dim); }
svg text.strong { font-weight: 700; } svg text.t-here { fill: var(--here); } svg text.t-target { fill: var(--target); }
svg text.t-third { fill: var(--third); } svg text.t-fourth { fill: var(--fourth); } svg text.t-text { fill: var(--text); }
svg text.halo { paint-order: stroke; stroke: var(--ground); stroke-width: 4px; stroke-linejoin: round; }
figure { margin: .75rem 0 0; } figcaption { color: var(--dim); font-size: .85rem; margin-bottom: .4rem; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.25rem; list-style: none; padding: 0; margin: .4rem 0;
  font-size: .85rem; } .legend svg { display: inline-block; width: 1.1rem; height: .75rem; margin-right: .4rem;
  vertical-align: -.05em; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 1rem 1.5rem; align-items: start; }
.chip { display: inline-block; font-size: .8rem; font-weight: 600; padding: .02rem .45rem; border-radius: .25rem;
  white-space: nowrap; background: var(--track); color: var(--text); }
.chip.good { background: var(--good-soft); color: var(--good); }
.chip.bad { background: var(--bad-soft); color: var(--bad); }
.chip.doubt { background: var(--doubt-soft); color: var(--doubt); }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0 0; }
summary { padding: .55rem .75rem; cursor: pointer; font-weight: 600; } summary .chip { margin-right: .5rem; }
summary .count { color: var(--dim); font-weight: 400; } details > .inside { padding: 0 .75rem .75rem; }
details .wide { margin: .5rem 0; } details details { margin: .4rem 0; }
pre { margin: .3rem 0 .6rem; padding: .5rem .75rem; background: var(--panel); border-radius: .3rem; overflow-x: auto;
  font: .82rem/1.45 ui-monospace, "SFMono-Regular", Menlo, Consolas, "Liberation Mono", monospace; white-space: pre;
  overflow-wrap: normal; }
mark { background: var(--doubt-soft); color: inherit; border-bottom: 2px solid var(--doubt); }
.places { list-style: none; padding: 0; } .places li { margin: 0 0 .5rem; }
.foot { margin-top: 3rem; padding-top: 1rem; padding-bottom: 3rem; color: var(--dim); font-size: .85rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media (max-width: 44rem) {
  .top, main, .foot { padding-left: .9rem; padding-right: .9rem; } .hero { padding: 1.1rem; }
  .top nav { margin-left: 0; width: 100%; overflow-x: auto; } .top ul { flex-wrap: nowrap; white-space: nowrap; } .pair { grid-template-columns: minmax(0, 1fr); }
  .ladder { flex-direction: column; gap: .15rem; } .ladder li { border-top: 0; border-left: .35rem solid var(--track);
    padding: .1rem .6rem; } .ladder li.enough, .ladder li.at.enough { border-left-color: var(--good); }
  .ladder li.at { border-left-color: var(--bad); } .ladder li b { display: inline; }
  .answers { grid-template-columns: minmax(0, 1fr); gap: .4rem; }
  .stack, .stack tbody, .stack caption { display: block; } .stack thead { position: absolute; width: 1px; height: 1px;
    overflow: hidden; clip-path: inset(50%); }
  .stack tr { display: flex; flex-wrap: wrap; gap: 0 .9rem; padding: .5rem .75rem; border-top: 1px solid var(--line); }
  .stack th, .stack td { display: block; border: 0; padding: .05rem 0; min-width: 0; max-width: 100%; text-align: left; }
  .stack tbody th, .stack td.name, .stack td.bar-cell { flex: 1 0 100%; width: auto; }
  .stack td[data-name]:not(:empty)::before { content: attr(data-name) " "; color: var(--dim); font-weight: 400;
    font-size: .8rem; } .stack td.bar-cell::before { content: none !important; }
  .stack td:empty { display: none; } .number { white-space: normal; }
}
@media print {
  @page { margin: 14mm; } body { font-size: 9.5pt; } .top, main, .foot { max-width: none; padding-left: 0;
    padding-right: 0; } .top nav, .skip { display: none; }
  .wide, pre { overflow: visible; } pre { white-space: pre-wrap; } .text, .name { min-width: 0; }
  .bar, .strip, .plot, .word, .chip, .hero, .legend svg, mark, .ladder li { print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }
  tr, .hero, figure, .answers li, .places li { break-inside: avoid; } h2, h3, summary { break-after: avoid; }
  thead { display: table-header-group; } section { margin-top: 1.5rem; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
