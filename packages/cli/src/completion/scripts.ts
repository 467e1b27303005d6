// scripts.ts — What a shell runs to complete a command line. Each asks `kagami __complete LINE` for candidates, one a
// line, with a tab before what they mean.

/** The shells there is a script for. */
export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const
export type Shell = (typeof SHELLS)[number]

// bash takes "@" for the end of a word, and wants only what comes after it.
const BASH = `# kagami completion bash > /etc/bash_completion.d/kagami
# or in ~/.bashrc: source <(kagami completion bash)
_kagami() {
  local line=\${COMP_LINE:0:COMP_POINT} candidate
  local word=\${line##* }
  local before=\${word%"\${COMP_WORDS[COMP_CWORD]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    COMPREPLY+=("\${candidate#"$before"}")
  done < <("\${COMP_WORDS[0]}" __complete "$line" 2>/dev/null)
}
complete -o default -F _kagami kagami kagami-cli
`

const ZSH = `#compdef kagami kagami-cli
# kagami completion zsh > "\${fpath[1]}/_kagami", or in ~/.zshrc after compinit: source <(kagami completion zsh)
_kagami() {
  local -a found offered shown
  found=("\${(@f)$("\${words[1]}" __complete "\${(j: :)words[1,CURRENT]}" 2>/dev/null)}")
  [[ -n \${found[1]} ]] || return 1
  offered=("\${found[@]%%$'\\t'*}")
  shown=("\${found[@]/$'\\t'/  }")
  compadd -d shown -- "\${offered[@]}"
}
compdef _kagami kagami kagami-cli
`

const FISH = `# kagami completion fish > ~/.config/fish/completions/kagami.fish
function __kagami_candidates
  set --local line (commandline --cut-at-cursor --current-process | string collect)
  set --local words (commandline --tokenize --current-process)
  command $words[1] __complete $line 2>/dev/null
end
for name in kagami kagami-cli
  complete --command $name --no-files --arguments "(__kagami_candidates)"
end
`

// The text of a command has no space at its end: what is between it and the cursor is added again.
const POWERSHELL = `# in the file that $PROFILE names: kagami completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName 'kagami', 'kagami-cli' -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $length = $cursorPosition - $commandAst.Extent.StartOffset
  $line = $commandAst.Extent.Text.PadRight($length).Substring(0, $length)
  & $commandAst.GetCommandName() __complete $line 2>$null | ForEach-Object {
    $word, $about = $_ -split '\t', 2
    if (-not $about) { $about = $word }
    [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
  }
}
`

/** The script of each shell. */
export const scripts: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL }
