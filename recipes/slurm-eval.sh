#!/bin/bash
# An ARC evaluation as a SLURM job array: submit, wait, merge. A task that was killed is submitted again as it was; parts
# that are done are skipped.
#   sbatch recipes/slurm-eval.sh runs/arc1 && npx whorl merge shards/*.npz --submission submission.json
#SBATCH --array=0-7
#SBATCH --cpus-per-task=8
#SBATCH --time=04:00:00

# One task alone (sbatch --array=5) would count as all of the work by the environment: so the shard is named.
npx whorl eval "$1" --shard "$SLURM_ARRAY_TASK_ID/8" --out shards/ --threads "$SLURM_CPUS_PER_TASK"
