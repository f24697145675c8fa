#compdef region
# What it is to do, then that tool's own completion.

local -a commands=(@COMMANDS@)

if (( CURRENT == 2 )); then
  compadd -- $commands help
  [[ $PREFIX == -* ]] && compadd -- --help --version
elif [[ $words[2] == help ]]; then
  (( CURRENT == 3 )) && compadd -- $commands
elif (( $commands[(Ie)$words[2]] )); then
  words=(region-$words[2] "${(@)words[3,-1]}")
  (( CURRENT-- ))
  _normal
fi
