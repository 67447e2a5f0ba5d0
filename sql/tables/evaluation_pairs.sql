-- How far the scores of two reconstructions of one study are apart in an evaluation, by their kernels, the first in order first.
CREATE TABLE dbo.evaluation_pairs (
    evaluation_id INT NOT NULL,     -- evaluation that it belongs to, in dbo.evaluations
    position INT NOT NULL,          -- 0 is all pairs; 1, 2, 3, … two kernels
    kernel_a NVARCHAR(64) NULL,     -- convolution kernel of the first; NULL of position 0, and where it is not known
    kernel_b NVARCHAR(64) NULL,     -- convolution kernel of the second; NULL of position 0, and where it is not known
    pairs INT NOT NULL,             -- how many pairs of scans have these kernels
    patients INT NOT NULL,          -- patients whom the pairs are of
    mean_difference FLOAT NOT NULL, -- mean of probability of a minus probability of b
    sd_difference FLOAT NULL,       -- standard deviation of these differences; NULL of a single pair
    mean_distance FLOAT NOT NULL,   -- mean of the differences without sign
    largest FLOAT NOT NULL,         -- largest of the differences without sign
    CONSTRAINT PK_evaluation_pairs PRIMARY KEY (evaluation_id, position),
    CONSTRAINT FK_evaluation_pairs_evaluations FOREIGN KEY (evaluation_id) REFERENCES dbo.evaluations (evaluation_id)
);
