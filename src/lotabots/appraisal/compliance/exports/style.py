"""The one style sheet of the page about controls: plain, readable, and good on paper."""

STYLE = """
:root{color-scheme:light dark;--ink:#1a1f27;--soft:#5a6472;--line:#d9dee5;--paper:#fff;
--good:#1a7f45;--bad:#b3261e;--open:#8a5a00;--rest:#5a6472}
@media(prefers-color-scheme:dark){:root{--ink:#e8ebef;--soft:#9aa5b3;--line:#343c47;--paper:#14181d;
--good:#5cc98a;--bad:#ff8a80;--open:#f0b95a;--rest:#9aa5b3}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:58rem;margin:0 auto;padding:2.5rem 1.25rem}
header{border-left:6px solid var(--open);padding:.25rem 0 .25rem 1.25rem}
header.accepted{border-color:var(--good)}header.rejected{border-color:var(--bad)}
.kind{margin:0;color:var(--soft);font-size:.875rem}
h1{margin:.1rem 0 .4rem;font-size:1.9rem;line-height:1.2;overflow-wrap:anywhere}
h2{margin:2.5rem 0 .75rem;font-size:1.2rem}h3{margin:0;font-size:1rem}
small{color:var(--soft);font-weight:400;font-size:.8125rem}
.outcome{margin:0}.outcome strong{margin-right:.5rem}
.accepted .outcome strong{color:var(--good)}.rejected .outcome strong{color:var(--bad)}
.inconclusive .outcome strong{color:var(--open)}
dl{display:grid;grid-template-columns:8rem 1fr;gap:.2rem 1rem;margin:1.5rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
code{font:.8125rem/1.6 ui-monospace,monospace}
table{border-collapse:collapse;width:100%;margin:1.5rem 0 .75rem}
th,td{padding:.45rem .6rem;border-bottom:1px solid var(--line);text-align:right;font-weight:400}
th[scope=row],th:first-child{text-align:left}thead th{color:var(--soft);font-size:.8125rem}
td{font-variant-numeric:tabular-nums;font-weight:600}.zero{color:var(--soft);font-weight:400}
td.pass{color:var(--good)}td.fail{color:var(--bad)}td.unknown,td.waived{color:var(--open)}
.open{margin:0;color:var(--ink)}
article{border:1px solid var(--line);border-left:4px solid var(--rest);border-radius:4px;
margin:0 0 .6rem;padding:.7rem .9rem;break-inside:avoid}
article dl{margin:.4rem 0 0;font-size:.875rem;grid-template-columns:6.5rem 1fr}
article.pass{border-left-color:var(--good)}article.fail{border-left-color:var(--bad)}
article.unknown,article.waived{border-left-color:var(--open)}
.status{display:inline-block;min-width:7rem;margin-right:.4rem;color:var(--rest)}
.pass .status{color:var(--good)}.fail .status{color:var(--bad)}
.unknown .status,.waived .status{color:var(--open)}
footer{margin-top:2.5rem;border-top:1px solid var(--line);color:var(--soft);font-size:.875rem}
@media(max-width:36rem){dl,article dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}
.status{min-width:0}}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;
--good:#0b5e2f;--bad:#8f1511;--open:#6b4500}
body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}}
"""
