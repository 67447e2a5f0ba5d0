EXECUTE dbo.GenerateFeatures @ModelNam = N'demo_resnet';
