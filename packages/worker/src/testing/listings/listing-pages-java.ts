// listing-pages-java.ts — Listings of servers written in Java: Jetty, Tomcat, Nexus, Artifactory, Maven Central, after
// their source or pages that they answered.
import { afternoon, clockOf, escaped, href, isoMinute, label, page, type PageMaker } from './listing-parts.ts'

const jetty: PageMaker = {
  contentType: 'text/html;charset=utf-8',
  server: 'Jetty(9.3.2.v20150730)',
  format: 'jetty',
  sizes: 'exact',
  grain: 1000,
  make: (entries, path) =>
    page(
      {
        title: `Directory: ${escaped(path)}`,
        above:
          `<H1>Directory: ${escaped(path)}</H1>\n<TABLE BORDER=0>\n<TR><TD><A HREF="${path}../">Parent ` +
          `Directory</A></TD>` +
          '<TD></TD><TD></TD></TR>\n',
        below: '</TABLE>\n',
      },
      entries.map((entry) => {
        const at = clockOf(entry)
        return (
          `\n<TR><TD><A HREF="${path}${href(entry)}">${label(entry)}&nbsp;</A></TD><TD ALIGN=right>` +
          `${entry.directory ? 4096 : entry.size} bytes&nbsp;</TD><TD>${at.named} ${Number(at.day)}, ${at.year} ` +
          `${at.half}:${at.second.slice(-2)} ${afternoon(at)}</TD></TR>`
        )
      }),
      '</BODY></HTML>\n',
    ),
}

const jettyNew: PageMaker = {
  ...jetty,
  server: 'Jetty(12.0.8)',
  make: (entries, path) =>
    page(
      {
        title: `Directory: ${escaped(path)}`,
        above:
          `<h1 class="title">Directory: ${escaped(path)}</h1>\n<table class="listing">\n<thead>\n<tr><th ` +
          `class="name">` +
          '<a href="?C=N&O=D">Name&nbsp; &#8679;</a></th><th class="lastmodified"><a href="?C=M&O=A">Last ' +
          'Modified</a>' +
          '</th><th class="size"><a href="?C=S&O=A">Size</a></th></tr>\n</thead>\n<tbody>\n<tr><td class="name"><a ' +
          `href="${path}../">Parent Directory</a></td><td class="lastmodified">-</td><td>-</td></tr>\n`,
        below: '</tbody>\n</table>\n',
      },
      entries.map((entry) => {
        const at = clockOf(entry)
        const size = `${(entry.directory ? 4096 : entry.size).toLocaleString('en')} bytes`
        return (
          `<tr><td class="name"><a href="${path}${href(entry)}">${label(entry)}&nbsp;</a></td><td ` +
          `class="lastmodified">` +
          `${at.named} ${Number(at.day)}, ${at.year}, ` +
          `${at.half}:${at.second.slice(-2)}\u202f${afternoon(at)}&nbsp;</td>` +
          `<td class="size">${size}&nbsp;</td></tr>\n`
        )
      }),
    ),
}

const nexus: PageMaker = {
  contentType: 'text/html; charset=utf-8',
  server: 'Nexus/3.70.1-02 (OSS)',
  format: 'nexus',
  sizes: 'exact',
  grain: 1000,
  make: (entries, path) =>
    page(
      {
        title: `Index of ${escaped(path)}`,
        above:
          `<h1>Index of ${escaped(path)}</h1>\n<table cellspacing="10">\n<tr>\n<th align="left">Name</th>\n` +
          '<th>Last Modified</th>\n<th>Size</th>\n<th>Description</th>\n</tr>\n<tr>\n<td><a href="../">Parent ' +
          'Directory' +
          '</a></td>\n</tr>\n',
        below: '</table>\n',
      },
      entries.map((entry) => {
        const { weekday, named, day, second, year } = clockOf(entry)
        const size = entry.directory ? '&nbsp;' : entry.size
        return (
          `<tr>\n<td><a href="${href(entry)}">${label(entry)}</a></td>\n<td>${weekday} ${named} ${day} ${second} UTC ` +
          `${year}</td>\n<td align="right">\n${size}\n</td>\n<td></td>\n</tr>\n`
        )
      }),
    ),
}

const artifactory: PageMaker = {
  contentType: 'text/html',
  server: 'Artifactory/7.77.5',
  format: 'artifactory',
  sizes: 'rounded',
  grain: 60_000,
  make: (entries, path) =>
    page(
      {
        title: `Index of ${escaped(path.slice(1))}`,
        above:
          `<h1>Index of ${escaped(path.slice(1))}</h1>\n<pre>Name         Last modified      Size</pre><hr/>\n` +
          '<pre><a href="../">../</a>\n',
        below:
          '</pre>\n<hr/><address style="font-size:small;">Artifactory/7.77.5 Server at repo.example.org Port 443' +
          '</address>',
      },
      entries.map((entry) => {
        const { day, named, year, minute } = clockOf(entry)
        const size = entry.size < 1024 ? `${entry.size} bytes` : `${(entry.size / 1024).toFixed(2)} KB`
        return (
          `<a href="${href(entry)}">${label(entry)}</a>    ${day}-${named}-${year} ${minute}  ` +
          `${entry.directory ? '  -' : size}\n`
        )
      }),
    ),
}

const central: PageMaker = {
  contentType: 'text/html',
  server: '',
  format: 'maven-central',
  sizes: 'exact',
  grain: 60_000,
  make: (entries, path) =>
    page(
      {
        title: `Central Repository: ${escaped(path.slice(1, -1))}`,
        above:
          `<header>\n<h1>${escaped(path.slice(1, -1))}</h1>\n</header>\n<hr/>\n<main>\n<pre id="contents">\n` +
          '<a href="../">../</a>\n',
        below: '</pre>\n</main>\n<hr/>\n',
      },
      entries.map((entry) => {
        const size = entry.directory ? '-      ' : entry.size
        return `<a href="${href(entry)}" title="${label(entry)}">${label(entry)}</a>   ${isoMinute(entry)}   ${size}\n`
      }),
    ),
}

const tomcat: PageMaker = {
  contentType: 'text/html;charset=UTF-8',
  server: '',
  format: 'tomcat',
  sizes: 'rounded',
  grain: 1000,
  make: (entries, path) =>
    page(
      {
        title: `Directory Listing For [${escaped(path)}]`,
        above:
          `<h1>Directory Listing For [${escaped(path)}] - <a href="/"><b>Up To [/]</b></a></h1><hr class="line">` +
          '<table width="100%" cellspacing="0" cellpadding="5" align="center">\r\n<tr>\r\n<td align="left"><font ' +
          'size="+1"><strong>Filename</strong></font></td>\r\n<td align="center"><strong>Size</strong></td>\r\n<td ' +
          'align="right"><strong>Last Modified</strong></td>\r\n</tr>',
        below: '</table>\r\n<hr class="line"><h3>Apache Tomcat/9.0.70</h3>',
      },
      entries.map((entry) => {
        const size = entry.directory ? '&nbsp;' : `${Math.max(entry.size / 1024, 0.1).toFixed(1)} kb`
        return (
          `<tr>\r\n<td align="left">&nbsp;&nbsp;\r\n<a href="${path}${href(entry)}"><tt>${label(entry)}</tt></a></td>` +
          `\r\n<td align="right"><tt>${size}</tt></td>\r\n<td align="right"><tt>` +
          `${new Date(entry.time).toUTCString()}</tt></td>\r\n</tr>\r\n`
        )
      }),
    ),
}

/** The formats of servers written in Java, by their names. */
export const javaPages = {
  'Jetty 9': jetty,
  'Jetty 12': jettyNew,
  Tomcat: tomcat,
  Nexus: nexus,
  Artifactory: artifactory,
  'Maven Central': central,
} satisfies Record<string, PageMaker>
