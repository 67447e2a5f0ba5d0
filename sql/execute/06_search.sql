-- Twelve settings on the features there are, the best third of them with all their trees; the best is trained and stored.
EXECUTE dbo.SearchModels @ModelName = N'searched_sql', @Trials = 12, @Halving = 2;

-- More connections with this line share the work; `lungdb search` starts one for each processor.
EXECUTE dbo.RunSearch;

-- What was tried, the best first.
SELECT rung, candidate, pooling, parameters, state, auc, log_loss, seconds
FROM dbo.search_trials
ORDER BY rung DESC, auc DESC, log_loss;
