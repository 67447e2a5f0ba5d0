-- How far the scores of two reconstructions of one study are apart in an evaluation, by their kernels, the first in order first; position 0
-- is all pairs. difference is the score of kernel_a minus that of kernel_b, as probabilities; largest is without sign.
CREATE TABLE dbo.evaluation_pairs (
    evaluation_id INT NOT NULL,
    position INT NOT NULL,
    kernel_a NVARCHAR(64) NULL,
    kernel_b NVARCHAR(64) NULL,
    pairs INT NOT NULL,
    patients INT NOT NULL,
    mean_difference FLOAT NOT NULL,
    sd_difference FLOAT NULL,
    mean_distance FLOAT NOT NULL,
    largest FLOAT NOT NULL,
    CONSTRAINT PK_evaluation_pairs PRIMARY KEY (evaluation_id, position),
    CONSTRAINT FK_evaluation_pairs_evaluations FOREIGN KEY (evaluation_id) REFERENCES dbo.evaluations (evaluation_id)
);
