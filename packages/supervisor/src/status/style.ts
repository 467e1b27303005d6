// style.ts — The built-in style of the page: light and dark, from 320 px on. Colours are variables, so that a style.css
// of the operator can set them.

export const DEFAULT_STYLE = `:root {
  color-scheme: light dark;
  --ground: #ffffff;
  --raised: #f4f5f7;
  --line: #d5d9e0;
  --text: #1b1f27;
  --quiet: #555d6b;
  --link: #0b57b0;
  --ok: #14692f;
  --syncing: #0b57b0;
  --late: #8a4b00;
  --stale: #a43a00;
  --failed: #b3141f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171c;
    --raised: #1e232b;
    --line: #39404c;
    --text: #e8eaee;
    --quiet: #a9b1bf;
    --link: #83b8ff;
    --ok: #6fd28b;
    --syncing: #83b8ff;
    --late: #f0b04c;
    --stale: #ff9a62;
    --failed: #ff8a8a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto;
  max-width: 76rem;
  padding: 0 1rem 2rem;
  background: var(--ground);
  color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif;
  overflow-wrap: anywhere;
}
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { position: static; }
.bar { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center; padding: 1rem 0; }
.bar img { max-height: 3rem; max-width: 12rem; vertical-align: middle; margin-inline-end: .5rem; }
.site { font-size: 1.25rem; font-weight: 600; color: var(--text); text-decoration: none; }
.languages { margin-inline-start: auto; }
.languages > *, .chips > *, .pages > * { display: inline-block; padding: .25rem .5rem; }
.chips > * { padding: .25rem .75rem; border: 1px solid var(--line); border-radius: 1rem; text-decoration: none; }
[aria-current] { font-weight: 600; }
.chips [aria-current] { background: var(--raised); color: var(--text); border-color: var(--quiet); }
.summary { font-size: 1.125rem; }
.notice { padding: .75rem 1rem; background: var(--raised); border-inline-start: .25rem solid var(--late);
  white-space: pre-line; }
.tools { display: flex; flex-wrap: wrap; gap: 1rem; align-items: end; margin: 1rem 0; }
.tools form { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.chips { display: flex; flex-wrap: wrap; gap: .5rem; }
input, button { font: inherit; padding: .25rem .75rem; border: 1px solid var(--quiet); border-radius: .25rem;
  background: var(--ground); color: var(--text); max-width: 100%; }
button { background: var(--raised); cursor: pointer; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: start; color: var(--quiet); padding: .25rem 0; }
th, td { text-align: start; vertical-align: top; padding: .5rem .75rem .5rem 0; border-bottom: 1px solid var(--line); }
thead th { color: var(--quiet); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
td small { display: block; color: var(--quiet); }
.number, time { white-space: nowrap; }
.state { white-space: nowrap; font-weight: 600; }
.state-ok { color: var(--ok); }
.state-syncing { color: var(--syncing); }
.state-late { color: var(--late); }
.state-stale { color: var(--stale); }
.state-failed { color: var(--failed); }
.state-paused, .state-unknown, .state-new, .meaning, footer { color: var(--quiet); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; }
dt { color: var(--quiet); }
dd { margin: 0; }
pre { padding: .75rem 1rem; background: var(--raised); border: 1px solid var(--line); overflow-x: auto;
  overflow-wrap: normal; }
@media (max-width: 47rem) {
  thead { position: absolute; left: -999rem; }
  table, caption, tbody, tr, tbody th, td { display: block; }
  tr { padding: .75rem 0; border-bottom: 1px solid var(--line); }
  tbody th, td { padding: 0; border: 0; }
  td small { display: inline; }
  .empty { display: none; }
  td[data-label]::before { content: attr(data-label) ": "; color: var(--quiet); }
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
}
`
