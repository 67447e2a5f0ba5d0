-- What a triple of slices did to the margin of a score. Shares, and Shapley values, of a score sum to margin minus reference_margin of
-- dbo.score_explanations.
CREATE TABLE dbo.score_slices (
    prediction_id INT NOT NULL,  -- score that is explained, in dbo.predictions
    triple INT NOT NULL,         -- number of the triple, from 0: the row in dbo.features
    first_slice INT NOT NULL,    -- first of the triple's slices, from 0
    method VARCHAR(16) NOT NULL, -- without: the margin without the triple minus the margin, exact; share: its exact share of a linear
                                 -- model's margin over mean features; shapley: an estimate over permutations
    value FLOAT NOT NULL,        -- what the method gives, in units of the margin
    standard_error FLOAT NULL,   -- standard error of shapley; NULL of fewer than three permutations, and of what is exact
    CONSTRAINT PK_score_slices PRIMARY KEY (prediction_id, method, triple),
    CONSTRAINT FK_score_slices_explanations FOREIGN KEY (prediction_id)
        REFERENCES dbo.score_explanations (prediction_id) ON DELETE CASCADE,
    CONSTRAINT CK_score_slices_place CHECK (triple >= 0 AND first_slice >= 0),
    CONSTRAINT CK_score_slices_method CHECK (method IN ('without', 'share', 'shapley'))
);
