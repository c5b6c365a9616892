#!/bin/bash
# The same evaluation started by MPI: each process takes its shard from the environment (OMPI_COMM_WORLD_RANK, PMI_RANK).
#   recipes/mpi-eval.sh 8 runs/arc1
mpirun -n "$1" npx whorl eval "$2" --out shards/ --threads 1
npx whorl merge shards/*.npz --submission submission.json
