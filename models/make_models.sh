#!/bin/sh
# Makes the shipped models from a trained two-headed network.
#
#   models/make_models.sh NETWORK.keras DATA [FOLDER [HEAD...]]
#
# NETWORK.keras  has the heads fer2013 and ferplus (fer-train writes such files).
# DATA           holds train/<class>/, validation/<class>/ and ferplus_votes.csv.
# FOLDER         is where they go; the folder of this script by default.
# HEAD           is fer2013, ferplus or blend; all three by default.
#
# Each head becomes an int8 file with float input and output, its logits without the prior of its
# training (fer-train calibrate has put temperature and shares into NETWORK.keras). Its ranges come
# from training pictures, its temperature and its figures from the validation pictures.
set -eu
if [ $# -lt 2 ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
network=$1
data=$2
folder=${3:-$(dirname "$0")}
if [ $# -gt 3 ]; then shift 3; else set -- fer2013 ferplus blend; fi
convert=${FER_CONVERT:-fer-convert}

for head in "$@"; do
    votes=
    [ "$head" != fer2013 ] && votes="--votes=$data/ferplus_votes.csv"
    "$convert" "$network" --head "$head" --name "$head" -o "$folder/$head.tflite" \
        --quantize int8 --representative "$data/train" --verify "$data/validation" \
        ${votes:+"$votes"} --temperature fit
done
(cd "$folder" && sha256sum ./*.tflite | sed "s|\./||" > SHA256SUMS)
