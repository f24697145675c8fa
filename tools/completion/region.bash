# Completion of region in bash: what it is to do, then that tool's own.

_region() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  local function=_region_${command//-/_} file=${BASH_SOURCE[0]%/*}/region-$command
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    mapfile -t COMPREPLY < <(compgen -W '@COMMANDS@ help --help --version' -- "$word")
  elif [[ $command == help ]]; then
    ((COMP_CWORD > 2)) || mapfile -t COMPREPLY < <(compgen -W '@COMMANDS@' -- "$word")
  elif [[ " @COMMANDS@ " == *" $command "* ]]; then
    # shellcheck source=/dev/null
    declare -F "$function" >/dev/null || source "$file" || return
    COMP_WORDS=("region-$command" "${COMP_WORDS[@]:2}")
    ((COMP_CWORD -= 1))
    "$function"
  fi
}

complete -F _region region
