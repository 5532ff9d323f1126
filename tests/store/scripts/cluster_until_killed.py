"""Put unknown people together, few pictures in a transaction, until killed or done."""

import sys

from stash_sense.matching.calibration import Scorer, uncalibrated
from stash_sense.recognition import unknown_people
from stash_sense.store.database import RecommendationsDB

SLOTS = ("facenet", "arcface")

if __name__ == "__main__":
    unknown_people.PICTURES_TOGETHER = 5
    with RecommendationsDB(sys.argv[1]) as state:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        unknown_people.cluster_new_tracks(state, sys.argv[2], Scorer(uncalibrated(SLOTS), SLOTS))
        sys.stdout.write("done\n")
