-- What a triple of slices did to the margin of a score. method says how it was found: without, the exact change of the margin when the
-- triple is left out, the margin without it minus the margin; share, its exact share of a linear model's margin over mean features;
-- shapley, an estimate over permutations with its standard error, which is NULL for what is exact and of fewer than three permutations.
-- Shares, and Shapley values, of a score sum to margin minus reference_margin of dbo.score_explanations. first_slice is the first of
-- the triple's slices, from 0.
CREATE TABLE dbo.score_slices (
    prediction_id INT NOT NULL,
    triple INT NOT NULL,
    first_slice INT NOT NULL,
    method VARCHAR(16) NOT NULL,
    value FLOAT NOT NULL,
    standard_error FLOAT NULL,
    CONSTRAINT PK_score_slices PRIMARY KEY (prediction_id, method, triple),
    CONSTRAINT FK_score_slices_explanations FOREIGN KEY (prediction_id)
        REFERENCES dbo.score_explanations (prediction_id) ON DELETE CASCADE,
    CONSTRAINT CK_score_slices_place CHECK (triple >= 0 AND first_slice >= 0),
    CONSTRAINT CK_score_slices_method CHECK (method IN ('without', 'share', 'shapley'))
);
