#!/bin/sh
# Finds the family tree of the sequences in a Nexus file, by Markov chains. The seeds make it the same each time.
set -eu

name=$(basename "$INPUT_FILE_PATH")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$INPUT_FILE_PATH" "$work/data.nex"
cd "$work"
cat >run.nex <<NEXUS
#NEXUS
begin mrbayes;
  set autoclose=yes nowarnings=yes seed=1 swapseed=1;
  execute data.nex;
  lset nst=1 rates=equal;
  prset statefreqpr=fixed(equal);
  mcmc ngen=$GENERATIONS samplefreq=50 printfreq=5000 diagnfreq=5000 nruns=2 nchains=2;
  sumt conformat=simple burninfrac=0.25;
end;
NEXUS
mb run.nex
mv data.nex.con.tre "$TMP_OUTPUT_DIR/${name%.*}.tre"
