-- Makes submission ?1 the current one of its episode, unless it is.
UPDATE submission SET turn = (SELECT max(turn) + 1 FROM submission)
WHERE number = ?1
  AND turn < (SELECT max(turn) FROM submission AS other WHERE other.episode = submission.episode)
