/** Shells for which there is a completion script. */
export const SHELLS = ["bash", "zsh"] as const;

/**
 * A script that completes `pnpm NAME` in an interactive shell, and leaves other pnpm commands to the
 * completion that was there before. It asks the program itself, with the words behind its name.
 *
 * @param program name of the program, such as `pnpm ops`
 */
export function completionScript(program: string, shell: (typeof SHELLS)[number]): string {
  const name = program.split(" ").at(-1)!;
  return shell === "bash" ? bash(name) : zsh(name);
}

function bash(name: string): string {
  return `# Completion of \`pnpm ${name}\` for bash. In ~/.bashrc: source <(pnpm -s ${name} completion bash)
if [[ "$(complete -p pnpm 2>/dev/null)" =~ -F\\ ([^\\ ]+) && "\${BASH_REMATCH[1]}" != _pnpm_${name} ]]; then
  _pnpm_before_${name}="\${BASH_REMATCH[1]}"
fi
_pnpm_${name}() {
  if [[ "\${COMP_WORDS[1]}" == ${name} && $COMP_CWORD -gt 1 ]]; then
    local IFS=$'\\n'
    COMPREPLY=($(compgen -W "$(ZSH_NAME= SHELL=bash pnpm -s ${name} --get-yargs-completions \\
      "\${COMP_WORDS[@]:2:COMP_CWORD-1}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
  elif [[ -n "\${_pnpm_before_${name}:-}" ]]; then
    "$_pnpm_before_${name}" "$@"
  fi
}
complete -o default -F _pnpm_${name} pnpm`;
}

function zsh(name: string): string {
  return `# Completion of \`pnpm ${name}\` for zsh. In ~/.zshrc, behind compinit: source <(pnpm -s ${name} completion zsh)
[[ "\${_comps[pnpm]:-}" == _pnpm_${name} ]] || typeset -g _pnpm_before_${name}="\${_comps[pnpm]:-}"
_pnpm_${name}() {
  if [[ "\${words[2]}" == ${name} ]] && (( CURRENT > 2 )); then
    local -a replies
    replies=("\${(@f)$(ZSH_NAME=zsh pnpm -s ${name} --get-yargs-completions "\${(@)words[3,CURRENT]}" 2>/dev/null)}")
    _describe 'pnpm ${name}' replies
  elif [[ -n "$_pnpm_before_${name}" ]]; then
    "$_pnpm_before_${name}" "$@"
  fi
}
compdef _pnpm_${name} pnpm`;
}
