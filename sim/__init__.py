"""The simulation side: collection, reward labels, plants, evaluation, demo."""
