// theme.js — Sets the theme before the first paint. It is a file because the CSP allows no inline script.
;(function () {
  var choice = null
  try {
    choice = localStorage.getItem('kagami.theme')
  } catch {
    choice = null
  }
  var dark = choice === 'dark' || (choice !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.dataset.theme = dark ? 'dark' : 'light'
})()
